"""A threshold on pixels decides the same in half precision."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mtl.core.base.errors import VerificationError
from mtl.core.contracts.randomness import generator
from mtl.exports import variants
from mtl.exports.decisions import nodes_that_decide
from mtl.exports.onnx_exporter import OnnxExporter

from .conftest import LOOSE, Tiny, TinyJudge, tiny_subject


class BlackAndWhite(Tiny):
    """Makes every pixel black or white first, at a threshold just below one of the proof's random pixels."""

    def __init__(self) -> None:
        super().__init__()
        source = generator("cpu", 0, "verification", "random", 2)
        pixel = torch.rand((2, 1, 8, 8), generator=source)[0, 0, 4, 4].numpy()
        self.threshold = float(np.nextafter(pixel, np.float32(0)))

    def forward(self, image, inputs, tasks=None):
        return super().forward((image > self.threshold).to(image.dtype), inputs, tasks)


@pytest.fixture(scope="module")
def subject():
    model = BlackAndWhite()
    return dataclasses.replace(tiny_subject(), model=model, judge=TinyJudge(model))


def test_a_threshold_on_pixels_is_proven_in_half_precision(subject, tmp_path: Path) -> None:
    exporter = OnnxExporter(precision="float16", max_drop=LOOSE)
    report = exporter.export(subject, tmp_path / "model.onnx")
    graph = onnx.load(report.files[0]).graph
    (kept,) = (node for node in graph.node if node.op_type == "Greater")
    (cast,) = (node for node in graph.node if node.output[0] == kept.input[0])
    assert (cast.input[0], cast.attribute[0].i) == ("image", onnx.TensorProto.FLOAT)


def test_without_that_it_would_not_be(subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "nodes_that_decide", lambda graph: ())
    with pytest.raises(VerificationError, match="in half precision does not compute"):
        OnnxExporter(precision="float16", max_drop=LOOSE).export(subject, tmp_path / "model.onnx")


def test_what_decides_behind_a_sum_is_left(exported) -> None:
    graph = onnx.load(exported.path).graph
    assert nodes_that_decide(graph) == ()
    graph.node.append(onnx.helper.make_node("Greater", [graph.node[-1].output[0], "image"], ["more"], "more"))
    assert nodes_that_decide(graph) == ()
    graph.node.append(onnx.helper.make_node("Greater", ["image", "image"], ["none"], "none"))
    assert nodes_that_decide(graph) == ("none",)
