"""A float32 ONNX model in half precision: weights and arithmetic float16, inputs and outputs float32."""

from __future__ import annotations

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from .graphs import sort_nodes
from .onnx_model import clean


def to_float16(base: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model in float16."""
    copy = onnx.ModelProto()
    copy.CopyFrom(base)
    model: onnx.ModelProto = convert_float_to_float16(copy, keep_io_types=True)
    sort_nodes(model.graph)
    clean(model, [value.name for value in base.graph.input], [value.name for value in base.graph.output])
    return model
