"""A model is traced in a copy of the process to the same bytes, or here where that cannot be done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mtl.core.base.errors import ComponentError
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running import exporting
from mtl.exports import onnx_exporter, onnx_model, tracer
from mtl.exports.export import Export
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model
from mtl.exports.tracer import Tracer

from .conftest import tiny_subject


@pytest.fixture(scope="module")
def copied() -> Iterator[Tracer]:
    made = Tracer()
    yield made
    made.close()


def test_what_a_copy_traces_is_what_is_traced_here(copied: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    here = build_model(Export(tiny_subject())).SerializeToString(deterministic=True)
    monkeypatch.setattr(onnx_model, "traced", None)
    there = build_model(Export(tiny_subject(), tracer=copied))
    assert there.SerializeToString(deterministic=True) == here


class Unsteady(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image if image.sum() > 0 else -image


def test_a_model_that_fails_there_fails_here_with_its_words_and_the_copy_goes_on(copied: Tracer) -> None:
    asked = Unsteady().eval(), (torch.zeros(2, 3),), 20
    assert copied.trace(asked) is None
    with pytest.raises(ComponentError, match="torch cannot export the model"):
        onnx_model.traced(*asked)
    assert copied.trace((nn.Linear(3, 2), (torch.zeros(2, 3),), 20)) is not None


def test_what_cannot_be_sent_or_is_large_is_traced_here(
    copied: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, example = nn.Linear(3, 2), (torch.zeros(2, 3),)
    kept: Any = layer
    kept.unsendable = lambda: None
    assert copied.trace((layer, example, 20)) is None
    monkeypatch.setattr(tracer, "LARGEST", 8)
    assert copied.trace((nn.Linear(3, 2), example, 20)) is None


def test_a_copy_that_was_ended_leaves_it_to_this_process_and_no_process_stays() -> None:
    made = Tracer()
    os.kill(made._process.pid or 0, 9)
    assert made.trace((nn.Linear(3, 2), (torch.zeros(2, 3),), 20)) is None
    made.close()
    assert not made._process.is_alive()


def test_a_copy_that_hangs_is_ended_and_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Tracer()
    os.kill(made._process.pid or 0, signal.SIGSTOP)
    monkeypatch.setattr(tracer, "PATIENCE", 0.1)
    large = nn.Linear(300, 300), (torch.zeros(2, 300),), 20
    assert made.trace(large) is None
    assert made.trace(large) is None
    made.close()
    assert not made._process.is_alive()


def test_a_copy_holds_no_file_of_this_process(tmp_path: Path) -> None:
    with (tmp_path / "held").open("w"):
        made = Tracer()
        assert made.trace((nn.Linear(3, 2), (torch.zeros(2, 3),), 20)) is not None
        open_there = {str(link.readlink()) for link in Path(f"/proc/{made._process.pid}/fd").iterdir()}
        made.close()
    assert str(tmp_path / "held") not in open_there


def test_an_exporter_gets_ready_in_a_block_and_lets_go_of_it_whatever_happens() -> None:
    exporter = OnnxExporter()
    block = exporter.getting_ready()
    block.__enter__()
    assert exporter._tracer is not None
    process = exporter._tracer._process
    assert not block.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (exporter._tracer, process.is_alive()) == (None, False)


def test_without_room_for_another_process_an_export_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(onnx_exporter, "Tracer", refused)
    exporter = OnnxExporter()
    with exporter.getting_ready():
        assert exporter._tracer is None


@pytest.mark.parametrize(
    ("cores", "device", "ready"), [(2, "cpu", True), (1, "cpu", False), (2, "cuda", False)]
)
def test_an_exporter_is_asked_to_get_ready_where_a_core_is_idle(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, cores: int, device: str, ready: bool
) -> None:
    tree: dict[str, Any] = {"tasks": ["parity"], "encoder": "mlp"}
    composition = compose(read(RecipeSource(tree), registry), registry)
    asked: list[bool] = []
    monkeypatch.setattr(OnnxExporter, "getting_ready", lambda self: nullcontext(asked.append(True)))
    monkeypatch.setattr(exporting, "available_cores", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with exporting.getting_ready(composition, torch.device(device)):
        assert bool(asked) is ready


@pytest.mark.slow
def test_a_command_traces_in_a_copy_and_writes_the_file_that_it_would_write_without(tmp_path: Path) -> None:
    given = ["--tasks", "parity", "--encoder", "mlp", "--epochs", "1"]
    told = "import mtl.exports.tracer as t\nfrom mtl.core.cli.main import run\n"
    told += "f = t.Tracer.trace\nt.Tracer.trace = lambda s, a: print('copy') or f(s, a)\n"
    for has_process in (True, False):
        out = ["--out", str(tmp_path / str(has_process))]
        code = f"{told}run({['compose', *given, *out]!r}, has_process={has_process})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert ("copy" in done.stdout) is has_process
    files = [(tmp_path / str(has_process) / "model.onnx").read_bytes() for has_process in (True, False)]
    assert files[0] == files[1]
