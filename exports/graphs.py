"""Reading and tidying ONNX graphs: who makes a value, what a value needs, an order that runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

_OPSET = ("", "ai.onnx")
"""How ONNX's own operators are called."""

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16}


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's operators that a model was built for."""
    return max((item.version for item in model.opset_import if item.domain in _OPSET), default=20)


def inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the graphs in a node's attributes (branches, bodies of loops)."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def reads_of(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the values a node reads, those that its inner graphs take from outside included."""
    yield from (name for name in node.input if name)
    for graph in inner_graphs(node):
        for inner in graph.node:
            yield from reads_of(inner)


def producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """Return the node that makes each value."""
    return {name: node for node in graph.node for name in node.output if name}


def needed_nodes(graph: onnx.GraphProto, outputs: Iterable[str]) -> set[str]:
    """Return the names of the nodes that some outputs depend on."""
    made = producers(graph)
    waiting = list(outputs)
    found: set[str] = set()
    while waiting:
        node = made.get(waiting.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting += reads_of(node)
    return found


def drop_unneeded(graph: onnx.GraphProto) -> None:
    """Remove the nodes and weights that no output depends on."""
    needed = needed_nodes(graph, (value.name for value in graph.output))
    for node in [node for node in graph.node if node.name not in needed]:
        graph.node.remove(node)
    read = {name for node in graph.node for name in reads_of(node)} | {item.name for item in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)


class Graph:
    """A graph whose rounding steps can be passed over."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.made = producers(graph)
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = {value.name for value in graph.input}
        self.outputs = [value.name for value in graph.output]

    def constant(self, value: str) -> NDArray[Any] | None:
        """Return a weight or constant, or None when the value is computed."""
        if value in self.weights:
            return np.asarray(numpy_helper.to_array(self.weights[value]))
        node = self.made.get(value)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return np.asarray(numpy_helper.to_array(node.attribute[0].t))
        return None

    def source(self, value: str) -> str:
        """Return the value that this one is a rounding of; a dequantised weight stays where it is."""
        return list(self.passed(value))[-1]

    def passed(self, value: str) -> Iterator[str]:
        """Yield a value and those that it is a rounding of, one step back after the other."""
        yield value
        while (node := self.made.get(value)) is not None:
            if node.op_type == "Cast" and node.attribute[0].i in _FLOATS:
                value = node.input[0]
            elif node.op_type == "DequantizeLinear" and (before := self._quantized(node)) is not None:
                value = before
            else:
                break
            yield value

    def _quantized(self, node: onnx.NodeProto) -> str | None:
        """Return what a dequantising node's quantising partner reads; None when they are no pair."""
        partner = self.made.get(node.input[0])
        if partner is None or partner.op_type != "QuantizeLinear" or len(partner.input) != len(node.input):
            return None
        for mine, its in zip(node.input[1:], partner.input[1:], strict=True):
            one, other = self.constant(mine), self.constant(its)
            if one is None or other is None or not np.array_equal(one, other):
                return None
        return str(partner.input[0])


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Put every node behind those it reads from, and otherwise leave the order as it is."""
    made = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    order: list[int] = []
    placed: set[int] = set()
    for start in range(len(graph.node)):
        waiting = [start]
        while waiting:
            index = waiting[-1]
            before = [made[name] for name in reads_of(graph.node[index]) if name in made]
            missing = [other for other in before if other not in placed]
            if index in placed:
                waiting.pop()
            elif missing:
                waiting += reversed(missing)
            else:
                placed.add(index)
                order.append(index)
                waiting.pop()
    nodes = [graph.node[index] for index in order]
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del graph.node[:]
    graph.node.extend(copies)
