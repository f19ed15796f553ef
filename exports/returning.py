"""Operators of an eight-bit graph go back to float32: what they read, and their weights, as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import onnx

from ..core.base.errors import VerificationError
from .activations import QUANTIZED
from .graphs import drop_unneeded, producers


def return_to_float(model: onnx.ModelProto, base: onnx.ModelProto, rounded: Set[str]) -> None:
    """Let only the operators in `rounded` read eight bits, and only what they make be rounded.

    `model` is `base`, quantised, its operators under the names that they have there. What no other operator
    makes or reads in eight bits is then not rounded any more.
    """
    _restore_weights(model.graph, base.graph, rounded)
    made = producers(model.graph)
    for node in list(model.graph.node):
        before = made.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if before is None or before.op_type != "QuantizeLinear":
            continue
        source = made.get(before.input[0])
        if source is None or source.name not in rounded:
            _read_unrounded(model.graph, before, node, rounded)
    drop_unneeded(model.graph)


def _restore_weights(graph: onnx.GraphProto, base: onnx.GraphProto, rounded: Set[str]) -> None:
    weights = {tensor.name: tensor for tensor in base.initializer}
    known = {tensor.name for tensor in graph.initializer}
    wanted = {node.name: node.input for node in base.node if node.name not in rounded}
    for node in graph.node:
        for place, name in enumerate(wanted.get(node.name, ())):
            if name in weights:
                node.input[place] = name
                if name not in known:
                    graph.initializer.append(weights[name])
                    known.add(name)


def _read_unrounded(
    graph: onnx.GraphProto, quantise: onnx.NodeProto, dequantise: onnx.NodeProto, rounded: Set[str]
) -> None:
    """Let whoever does not compute in eight bits read a value before it was rounded."""
    value, stands = quantise.input[0], dequantise.output[0]
    if stands in {item.name for item in graph.output}:
        # An output keeps its name, which the quantiser gave to its rounding.
        dequantise.output[0] = f"{stands}_rounded"
        for node in graph.node:
            node.output[:] = [stands if name == value else name for name in node.output]
            wanted = {value: stands} | ({stands: dequantise.output[0]} if node.name in rounded else {})
            node.input[:] = [wanted.get(name, name) for name in node.input]
        return
    for node in graph.node:
        if node.name not in rounded:
            node.input[:] = [value if name == stands else name for name in node.input]


def returned_table(
    base: onnx.ModelProto, operators: Sequence[str], sensitivities: Mapping[str, float], name: str
) -> list[dict[str, Any]]:
    """Return a row for each operator that is back in float32, with what was seen of it where it is known.

    Raises `VerificationError`, starting with `name`, for one that is not in the float32 graph, or twice.
    """
    nodes = {node.name: node for node in base.graph.node if node.op_type in QUANTIZED}
    weights = {tensor.name for tensor in base.graph.initializer}
    rows: list[dict[str, Any]] = []
    for number, operator in enumerate(operators):
        if operator not in nodes or operator in operators[:number]:
            raise VerificationError(f"{name}: there is no operator {operator!r} to be back in float32")
        row = {
            "operator": operator,
            "type": nodes[operator].op_type,
            "weight": next((read for read in nodes[operator].input[1:2] if read in weights), None),
        }
        known = {"moves_answers_by": sensitivities[operator]} if operator in sensitivities else {}
        rows.append(row | known)
    return rows
