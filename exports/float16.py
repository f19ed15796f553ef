"""A float32 ONNX model in half precision: weights and arithmetic float16, inputs and outputs float32."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from .graphs import producers, reads_of, sort_nodes
from .onnx_model import clean

_SQUEEZED = "_cast_to_fp16_node"
"""How the converter names the casts it puts behind nodes that stay in float32."""


def to_float16(base: onnx.ModelProto, kept: Sequence[str] = ()) -> onnx.ModelProto:
    """Return the model in float16, the nodes named in `kept` in float32."""
    copy = onnx.ModelProto()
    copy.CopyFrom(base)
    model: onnx.ModelProto = convert_float_to_float16(copy, keep_io_types=True, node_block_list=list(kept))
    _join_casts(model.graph)
    sort_nodes(model.graph)
    clean(model, [value.name for value in base.graph.input], [value.name for value in base.graph.output])
    return model


def _join_casts(graph: onnx.GraphProto) -> None:
    """Let float32 pass between neighbours in float32: the converter squeezes it through float16."""
    made = producers(graph)
    inputs = {value.name for value in graph.input}
    outputs = {value.name for value in graph.output}

    def squeezes(node: onnx.NodeProto) -> bool:
        # A file's inputs are float32 too, and cast to float16 first.
        behind = node.name.endswith(_SQUEEZED) or node.input[0] in inputs
        return behind and _casts_to(node, onnx.TensorProto.FLOAT16)

    for node in graph.node:
        if _casts_to(node, onnx.TensorProto.FLOAT):
            before = made.get(node.input[0])
            # What the converter casts to float16 behind a kept node was float32.
            if before is not None and squeezes(before):
                node.input[0] = before.input[0]
    read = {name for node in graph.node for name in reads_of(node)} | outputs
    for node in [node for node in graph.node if squeezes(node) and node.output[0] not in read]:
        graph.node.remove(node)


def _casts_to(node: onnx.NodeProto, kind: int) -> bool:
    return node.op_type == "Cast" and node.attribute[0].i == kind
