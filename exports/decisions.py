"""Where a graph decides by the pixels alone: what half precision rounds there, it decides otherwise."""

from __future__ import annotations

import onnx

from .graphs import needed_nodes, reads_of
from .metadata import IMAGE

_DECIDING = {
    *("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"),
    *("ArgMax", "ArgMin", "TopK", "Sign", "Round", "Floor", "Ceil", "Mod"),
}
_SUMMING = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"}
"""What the pixels alone no longer determine to the last bit: no runtime decides by these exactly."""


def nodes_that_decide(graph: onnx.GraphProto) -> tuple[str, ...]:
    """Return the names of nodes that compare or round pixels, and of all before them, in order.

    A pixel just below a threshold rounds onto it in half precision, and black becomes white.
    """
    nodes = {node.name: node for node in graph.node}
    found: set[str] = set()
    for node in graph.node:
        if node.op_type not in _DECIDING:
            continue
        before = needed_nodes(graph, node.output)
        reads = {name for name in before for name in reads_of(nodes[name])}
        if IMAGE in reads and _SUMMING.isdisjoint(nodes[name].op_type for name in before):
            found |= before
    return tuple(node.name for node in graph.node if node.name in found)
