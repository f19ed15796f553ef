"""What a command imports: seconds are spent where something needs them, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("torchmetrics", "torchvision", "scipy", "sklearn", "sympy", "torch._dynamo", "torch.onnx")
"""What takes from a quarter of a second to several seconds to import."""

RUN = f"""
import json, sys
from mtl.core.cli.main import run
status = run(sys.argv[1:])
print(json.dumps([status, *sorted(set({HEAVY!r}) & set(sys.modules))]))
"""


def imported(*arguments: str) -> list[str]:
    """Return which of the heavy modules a command imports in a process of its own."""
    called = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    status, *found = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stderr
    return found


def test_a_dry_run_imports_nothing_that_only_training_needs() -> None:
    tasks = ["--tasks", "denoise,classify", "--encoder", "lenet"]
    assert imported("compose", *tasks, "--dry-run") == []


def test_an_export_needs_neither_metrics_nor_readers_of_data(
    mtl: Callable[..., Any], demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("torchmetrics", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, library, None)
    made = mtl("export", str(demo), "--to", "model.onnx")
    assert made.status == 0, made.err
