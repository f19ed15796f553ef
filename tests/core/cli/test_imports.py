"""What a command imports: seconds are spent where something needs them, and nowhere else."""

from __future__ import annotations

import gc
import importlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAVY = (
    "torchmetrics",
    "torchvision",
    "scipy",
    "sklearn",
    "sympy",
    "torch._dynamo",
    "torch.onnx",
    "rich",
    "mtl.core.running.pipeline",
)
"""What takes from a tenth of a second to several seconds to import."""

RUN = f"""
import gc, json, sys
collections = []
gc.callbacks.append(lambda phase, about: collections.append(phase))
from mtl.core.cli.main import run
status = run(sys.argv[1:])
imported = sorted(set({HEAVY!r}) & set(sys.modules))
print(json.dumps([status, collections.count("start"), imported]))
"""


def test_a_dry_run_imports_nothing_that_only_training_needs_and_hardly_looks_for_garbage() -> None:
    asked = ["compose", "--tasks", "denoise,classify", "--encoder", "lenet", "--dry-run"]
    done = subprocess.run([sys.executable, "-c", RUN, *asked], capture_output=True, text=True, check=True)
    status, collections, imported = json.loads(done.stdout.splitlines()[-1])
    assert (status, imported) == (0, []), done.stderr
    # Importing torch alone makes four hundred of them.
    assert collections < 150


def test_an_export_needs_neither_metrics_nor_readers_of_data(
    mtl: Callable[..., Any], demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("torchmetrics", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, library, None)
    made = mtl("export", str(demo), "--to", "model.onnx")
    assert made.status == 0, made.err


@pytest.mark.parametrize("ends", [lambda *_, **__: 3, lambda *_, **__: sys.exit(3)], ids=["returns", "exits"])
def test_a_process_ends_without_going_through_everything_once_more(
    ends: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    command_line = importlib.import_module("mtl.core.cli.main")
    monkeypatch.setattr(command_line, "run", ends)
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--version"])
    assert (ended.value.code, frozen) == (3, [True])


def test_a_command_that_has_the_process_leaves_its_imports_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    asked = ["compose", "--tasks", "parity", "--dry-run"]
    command_line = importlib.import_module("mtl.core.cli.main")
    assert command_line.run(asked) == 0
    assert frozen == []
    assert command_line.run(asked, has_process=True) == 0
    assert frozen == [True]
