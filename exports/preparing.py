"""The part of an exported graph that prepares vectors: raw values, which half precision cannot hold."""

from __future__ import annotations

import onnx

from .graphs import reads_of

_LAYERS = {"Gemm", "MatMul"}
"""Operators that compute with weights: what they read is prepared."""


def nodes_that_prepare(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the nodes between the raw vectors and the first layers that read them."""
    reached = {value.name for value in graph.input if _is_vector(value)}
    found = set()
    for node in graph.node:
        if node.op_type not in _LAYERS and not reached.isdisjoint(reads_of(node)):
            found.add(node.name)
            reached.update(node.output)
    return found


def _is_vector(value: onnx.ValueInfoProto) -> bool:
    form = value.type.tensor_type
    return bool(form.elem_type == onnx.TensorProto.FLOAT and len(form.shape.dim) == 2)
