"""Where a graph puts values in their units, which needs more digits or range than half precision has."""

from __future__ import annotations

import onnx

from .graphs import reads_of

_STATISTICS = "standardizations."
"""How the model names means and deviations of values."""


def nodes_in_units(graph: onnx.GraphProto) -> tuple[str, ...]:
    """Return the names of the nodes that put standardised values in units, and of all behind them.

    The nodes of the graph stand in an order that runs.
    """
    known = {tensor.name for tensor in graph.initializer if tensor.name.startswith(_STATISTICS)}
    found = []
    for node in graph.node:
        if not known.isdisjoint(reads_of(node)):
            known |= set(node.output)
            found.append(node.name)
    return tuple(found)
