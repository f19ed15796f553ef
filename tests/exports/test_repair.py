"""int8 repairs itself: where a task loses too much, as few operators as hold the gate go back to float32."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest

from mtl.core.base.errors import VerificationError
from mtl.exports import onnx_exporter
from mtl.exports.activations import rounded_nodes
from mtl.exports.export import Export
from mtl.exports.int8 import Quantised
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model, file_of
from mtl.exports.proof import proof_path
from mtl.exports.runtimes import open_onnxruntime

from .conftest import LOOSE, Exported, Tiny, TinyJudge, tiny_subject

STRICT = {**LOOSE, "rmse": 0.0}
"""The task `count` may lose nothing."""


@pytest.fixture(scope="module")
def base() -> onnx.ModelProto:
    return build_model(Export(tiny_subject()))


@pytest.fixture(scope="module")
def quantised(base) -> Quantised:
    return Quantised(base, TinyJudge(Tiny()).training_samples(50, 0))


@pytest.fixture(scope="module")
def mended(base, tmp_path_factory) -> Exported:
    subject, path = tiny_subject(), tmp_path_factory.mktemp("mended") / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_exporter, "build_model", lambda *_: base)
        OnnxExporter(precision="int8", max_drop=STRICT, max_size=1.0).export(subject, path)
    return Exported(subject, path)


def test_the_operators_to_blame_go_back_until_no_task_loses_too_much(mended):
    report = json.loads(proof_path(mended.path).read_text())
    assert report["quality"]["count"]["drop"]["validation"] <= 0
    rows = report["back_in_float32"]
    assert "count.weight" in {row["weight"] for row in rows}
    assert len(rows) < len({"features", "classify", "shade", "parity", "count", "clean"})
    moved = [row["moves_answers_by"] for row in rows]
    assert moved == sorted(moved, reverse=True)
    assert report["settings"]["float_operators"] == [row["operator"] for row in rows]


def test_the_file_itself_says_what_stayed_float_and_is_proven_by_it(mended):
    report = OnnxExporter().verify(mended.subject, mended.path)
    assert [row["weight"] for row in report["back_in_float32"]]
    assert report["derivation"]["quantized_weights"] > 0


@pytest.mark.parametrize("said", [["gemm_999"], [], ["relu_3"]])
def test_a_file_that_says_otherwise_is_refused(said, mended, tmp_path):
    model = onnx.load(mended.path)
    item = next(item for item in model.metadata_props if item.key == "mtl.precision")
    stated = json.loads(item.value)
    stated["float_operators"] = said
    if not said:
        del stated["float_operators"]
    item.value = json.dumps(stated, sort_keys=True)
    (tmp_path / "model.onnx").write_bytes(file_of(model))
    with pytest.raises(VerificationError, match=r"^model\.onnx: .*operator"):
        OnnxExporter().verify(mended.subject, tmp_path / "model.onnx")


def test_what_has_no_room_is_not_taken_back(base, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: base)
    exporter = OnnxExporter(precision="int8", max_drop=STRICT, max_size=0.1)
    with pytest.raises(VerificationError, match="task 'count' loses too much quality") as caught:
        exporter.export(tiny_subject(), tmp_path / "model.onnx")
    assert "max_size" in (caught.value.hint or "")
    assert not list(tmp_path.iterdir())


def test_all_operators_back_in_float_compute_the_same_to_the_last_bit(base, quantised):
    model = quantised.model(sorted(rounded_nodes(base.graph, ())))
    assert {node.op_type for node in model.graph.node}.isdisjoint({"QuantizeLinear", "DequantizeLinear"})
    feed = dict(TinyJudge(Tiny()).training_samples(8, 3))
    runs = [open_onnxruntime(each.SerializeToString())(feed) for each in (base, model)]
    for name, expected in runs[0].items():
        np.testing.assert_array_equal(runs[1][name], expected)


def test_an_operator_that_went_back_reads_nothing_rounded_but_what_eight_bits_made(base, quantised):
    convolutions = [node.name for node in base.graph.node if node.op_type == "Conv"]
    others = rounded_nodes(base.graph, ()) - set(convolutions[:1])
    model = quantised.model(sorted(others))
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    made = {name: node for node in model.graph.node for name in node.output}
    # The only one that computes in eight bits: it reads a rounding, and its answer is one.
    assert made[first.input[0]].op_type == "DequantizeLinear"
    for node in model.graph.node:
        if node.op_type in ("Gemm", "MatMul"):
            assert all(made[name].op_type != "DequantizeLinear" for name in node.input if name in made)
