"""The numbers inside a rounded file: the scales of eight bits, the range of half precision."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from mtl.core.base.errors import VerificationError
from mtl.exports.activations import QUANTIZED, beyond_half, check_halves, check_kept, check_scales, own_nodes
from mtl.exports.derivation import prove_derivation
from mtl.exports.export import Export
from mtl.exports.float16 import to_float16
from mtl.exports.int8 import to_int8
from mtl.exports.metadata import IMAGE
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model
from mtl.exports.precision import Precision
from mtl.exports.ranges import Range, ranges_of

from .conftest import LOOSE, Tiny, TinyJudge, tiny_subject


@pytest.fixture(scope="module")
def base() -> onnx.ModelProto:
    return build_model(Export(tiny_subject()))


@pytest.fixture(scope="module")
def samples():
    return TinyJudge(Tiny()).training_samples(50, 0)


@pytest.fixture(scope="module")
def ranges(base, samples):
    return ranges_of(base, samples)


@pytest.fixture(scope="module")
def eight_bits(base, samples):
    return to_int8(base, samples, Precision("int8", ("count",)))


def test_a_range_holds_what_the_evaluator_of_onnx_computes(base, samples, ranges):
    evaluator = ReferenceEvaluator(base)
    values = evaluator.run(None, {name: value[:8] for name, value in samples.items()}, intermediate=True)
    seen = [name for name, value in values.items() if isinstance(value, np.ndarray) and value.dtype == "f4"]
    assert len(seen) > 10
    for name in seen:
        assert ranges[name].lowest - 1e-5 <= values[name].min()
        assert values[name].max() <= ranges[name].highest + 1e-5


def test_a_range_with_a_number_that_is_none_is_within_no_limit():
    assert Range(-1, 2).within(2)
    assert not Range(-3, 2).within(2)
    assert not Range(0, 1).joined(Range(float("nan"), float("nan"))).within(2)


def rounding(model: onnx.ModelProto, which: int) -> list[str]:
    """Return the scales (1) or the zero points (2) of what is rounded in a graph."""
    return sorted({node.input[which] for node in model.graph.node if node.op_type == "QuantizeLinear"})


def replaced(model: onnx.ModelProto, name: str, change) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    tensor = next(tensor for tensor in copy.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))
    return copy


def test_every_scale_and_zero_point_is_that_of_its_range(base, ranges, eight_bits):
    checked = check_scales(prove_derivation(base, eight_bits, "x"), eight_bits, ranges, "x")
    assert checked == len(rounding(eight_bits, 1)) >= 7


@pytest.mark.parametrize("factor", [0.5, 0.99, 1.01, 1.5, 2, 4, 8])
def test_any_other_scale_is_refused(factor, base, ranges, eight_bits):
    for name in rounding(eight_bits, 1):
        spoiled = replaced(eight_bits, name, lambda value: value * np.float32(factor))
        with pytest.raises(VerificationError, match=r"^x: the scale of value '\S+' is not that of its range"):
            check_scales(prove_derivation(base, spoiled, "x"), spoiled, ranges, "x")


def test_any_other_zero_point_is_refused(base, ranges, eight_bits):
    for name in rounding(eight_bits, 2):
        spoiled = replaced(eight_bits, name, lambda value: value + np.uint8(2))
        with pytest.raises(VerificationError, match="is not that of its range"):
            check_scales(prove_derivation(base, spoiled, "x"), spoiled, ranges, "x")


@pytest.mark.parametrize("kept", [(), ("shade",), ("count", "shade")])
def test_what_was_to_stay_in_float_did(kept, base, eight_bits):
    def check(tasks):
        every = {node.name for node in base.graph.node if node.op_type in QUANTIZED}
        rounded = every - own_nodes(base.graph, tasks)
        check_kept(prove_derivation(base, eight_bits, "x"), eight_bits, base, rounded, "x")

    check(("count",))
    with pytest.raises(VerificationError, match=r"^x: operator '\S+' is not rounded as the file says$"):
        check(kept)


class Wide(Tiny):
    """Its counts pass through squares that half precision cannot hold."""

    def forward(self, image: Tensor, inputs, tasks=None) -> dict[str, Tensor]:
        raw = super().forward(image, inputs, tasks)
        return raw | {"count": ((raw["count"] * 1e3).square() + 1e3).sqrt() / 1e3} if "count" in raw else raw


class Summed(Tiny):
    """Its counts pass through one operator whose sum of squares half precision cannot hold."""

    def forward(self, image: Tensor, inputs, tasks=None) -> dict[str, Tensor]:
        raw = super().forward(image, inputs, tasks)
        flat = (image * 200 + 200).flatten(1)
        return raw | {"count": raw["count"] + torch.linalg.vector_norm(flat, dim=1, keepdim=True) / 3000}


def subject_of(kind: type[Tiny]):
    model = kind()
    return dataclasses.replace(tiny_subject(), model=model, judge=TinyJudge(model))


@pytest.fixture(scope="module")
def wide():
    """The subject, its float32 model, and the ranges in it."""
    subject = subject_of(Wide)
    model = build_model(Export(subject))
    return subject, model, ranges_of(model, subject.judge.training_samples(50, 0))


def test_operators_whose_numbers_leave_half_precision_stay_in_float32(wide, tmp_path):
    subject, model, ranges = wide
    report = OnnxExporter(precision="float16", max_drop=LOOSE).export(subject, tmp_path / "model.onnx")
    kept = report.verification["derivation"]["float32_operators"]
    assert kept == list(beyond_half(model, ranges)) != []
    assert json.loads((tmp_path / "verify.json").read_text()) == report.verification
    feed = {IMAGE: subject.samples[IMAGE][:4] / np.float32(255), "number": subject.samples["number"][:4]}
    answers = ReferenceEvaluator(onnx.load(tmp_path / "model.onnx")).run(None, feed)
    assert all(np.isfinite(answer).all() for answer in answers)
    assert OnnxExporter().verify(subject, tmp_path / "model.onnx")["passed"]


def test_a_number_too_large_for_half_precision_is_refused_in_it(wide):
    _, model, ranges = wide
    for kept in ((), beyond_half(model, ranges)[:-1]):
        half = to_float16(model, kept)
        with pytest.raises(
            VerificationError, match=r"^x: value '\S+' reaches \S+ on the calibration samples"
        ):
            check_halves(prove_derivation(model, half, "x"), half, ranges, "x")


def test_a_sum_inside_an_operator_that_leaves_half_precision_is_refused(tmp_path):
    exporter = OnnxExporter(precision="float16", max_drop=LOOSE)
    with pytest.raises(VerificationError, match=r"in half precision is not finite: output 'count'"):
        exporter.export(subject_of(Summed), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
