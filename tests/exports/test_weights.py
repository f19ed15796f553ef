"""The weights of a float32 file are the trained model's to the last bit, also where no answer shows it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mtl.core.base.errors import VerificationError
from mtl.exports.export import Export
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model, file_of
from mtl.exports.weights import compare_weights


def weights_of(model):
    """Return the float weights of more than one number."""
    return [t for t in model.graph.initializer if t.data_type == 1 and np.prod(t.dims) > 1]


def nudge(tensor):
    value = numpy_helper.to_array(tensor).copy()
    value.reshape(-1)[0] = np.nextafter(value.reshape(-1)[0], np.float32(9))
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


@pytest.fixture(scope="module")
def traced(exported):
    return build_model(Export(exported.subject))


def test_the_last_bit_of_any_weight_counts(exported, traced):
    assert len(weights_of(traced)) >= 7
    for index in range(len(weights_of(traced))):
        model = onnx.load(exported.path)
        tensor = weights_of(model)[index]
        nudge(tensor)
        with pytest.raises(
            VerificationError, match=f"^x: weight '{tensor.name}' is not the trained model's$"
        ):
            compare_weights("x", model, exported.subject.model, lambda: traced)


def test_another_name_does_not_hide_a_weight(exported, traced):
    model = onnx.load(exported.path)
    tensor = next(tensor for tensor in weights_of(model) if tensor.name == "shade.weight")
    nudge(tensor)
    tensor.name = "constant_99"
    with pytest.raises(VerificationError, match="'constant_99'"):
        compare_weights("x", model, exported.subject.model, lambda: traced)


def test_the_right_file_needs_a_trace_only_for_what_was_computed(exported, traced):
    asked = []
    found = compare_weights(
        "x", onnx.load(exported.path), exported.subject.model, lambda: asked.append(1) or traced
    )
    assert found["trained"] >= 8
    assert len(asked) == (found["traced"] > 0)


def test_weights_that_answer_alike_are_refused_by_verify(exported, tmp_path):
    model = onnx.load(exported.path)
    nudge(next(tensor for tensor in weights_of(model) if tensor.name == "shade.weight"))
    (tmp_path / "x.onnx").write_bytes(file_of(model))
    with pytest.raises(
        VerificationError, match=r"^x\.onnx: weight 'shade\.weight' is not the trained model's$"
    ):
        OnnxExporter().verify(exported.subject, tmp_path / "x.onnx")
