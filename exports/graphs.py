"""Reading and tidying ONNX graphs: who makes a value, what a value needs, an order that runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx


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
