"""The proof that a rounded file rounds what is computed in it as its calibration samples say.

int8: every scale and zero point is that of the range seen on the samples, and what was to stay in float did.
float16: no number that leaves the range of half precision is held in half precision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from ..core.base.errors import VerificationError
from .derivation import Derivation, Place
from .graphs import Graph, needed_nodes
from .ranges import Range, Ranges

QUANTIZED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""The operators whose inputs and weights are eight bits; everything between them stays in float32."""

HALF_LIMIT = 65504 / 2
"""Numbers in half precision go to 65,504; the other half is left to what the samples do not show."""

_STEPS = 255
_NEAR = 1e-3
"""Relative difference of a scale: the same ranges, computed in another order."""


def own_nodes(graph: onnx.GraphProto, tasks: Sequence[str]) -> set[str]:
    """Return the names of the nodes that some tasks need and no other task does."""
    if not tasks:
        return set()
    others = [value.name for value in graph.output if value.name not in tasks]
    return needed_nodes(graph, tasks) - needed_nodes(graph, others)


def rounded_nodes(
    graph: onnx.GraphProto, keep_float: Sequence[str], float_operators: Collection[str] = ()
) -> set[str]:
    """Return the names of the operators that compute with eight bits.

    All do but those that only the tasks of `keep_float` need, and `float_operators`.
    """
    able = {node.name for node in graph.node if node.op_type in QUANTIZED}
    return able - own_nodes(graph, keep_float) - set(float_operators)


def beyond_half(base: onnx.ModelProto, ranges: Ranges) -> tuple[str, ...]:
    """Return the nodes that read or make a number too large for half precision, in order."""
    return tuple(
        node.name
        for node in base.graph.node
        if any(name in ranges and not ranges[name].within(HALF_LIMIT) for name in (*node.input, *node.output))
    )


def check_halves(derivation: Derivation, variant: onnx.ModelProto, ranges: Ranges, name: str) -> None:
    """Raise `VerificationError` when a number that is too large for half precision is held in it."""
    halves = _halves(variant)
    for place in derivation.places:
        seen = ranges.get(place.expected)
        if seen is not None and not seen.within(HALF_LIMIT) and not halves.isdisjoint(place.found):
            raise VerificationError(
                f"{name}: value {place.expected!r} reaches {_largest(seen):.3g} on the calibration samples, "
                "too large for the half precision it is held in"
            )


def check_scales(derivation: Derivation, variant: onnx.ModelProto, ranges: Ranges, name: str) -> int:
    """Return how many numbers are rounded to eight bits.

    Raises `VerificationError` unless each has the scale and the zero point of its range on the samples.
    """
    graph = Graph(variant.graph)
    checked = set()
    for place in derivation.places:
        for scale, zero in _roundings(graph, place):
            seen = ranges.get(place.expected)
            if seen is None or not _fits(scale, zero, seen):
                raise VerificationError(
                    f"{name}: the scale of value {place.expected!r} is not that of its range on the "
                    "calibration samples"
                )
            checked.add(place.expected)
    return len(checked)


def check_kept(
    derivation: Derivation, variant: onnx.ModelProto, base: onnx.ModelProto, rounded: Set[str], name: str
) -> None:
    """Raise `VerificationError` unless the nodes in `rounded`, and no others, compute with eight bits."""
    graph = Graph(variant.graph)
    original = Graph(base.graph)
    eight = {place.expected for place in derivation.places if any(_roundings(graph, place))}
    shared = {node.input[1] for node in base.graph.node if node.name in rounded and len(node.input) > 1}
    for node in base.graph.node:
        constants = [value for value in node.input[:2] if original.constant(value) is not None]
        computed = [value for value in node.input[:2] if value not in constants]
        if node.name in rounded:
            wrong = not eight.issuperset(computed) or not derivation.eight_bit_weights.issuperset(constants)
        else:
            wrong = any(value in derivation.eight_bit_weights - shared for value in constants)
        if wrong:
            raise VerificationError(f"{name}: operator {node.name!r} is not rounded as the file says")


def _roundings(graph: Graph, place: Place) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield scale and zero point of each step to eight bits that a value takes."""
    # The last one is what was rounded, or a weight.
    for value in place.found[:-1]:
        node = graph.made[value]
        if node.op_type == "DequantizeLinear":
            parts = [graph.constant(part) for part in node.input[1:]]
            if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
                yield parts[0], parts[1]


def _fits(scale: NDArray[Any], zero: NDArray[Any], seen: Range) -> bool:
    """Whether a scale and a zero point of uint8 are those of a range, zero included."""
    lowest, highest = min(seen.lowest, 0.0), max(seen.highest, 0.0)
    step = (highest - lowest) / _STEPS
    if scale.size != 1 or zero.size != 1 or zero.dtype != np.uint8 or not np.isfinite(step):
        return False
    if step < np.finfo(np.float32).tiny:
        return float(scale) == 1.0 and int(zero) == 0
    return abs(float(scale) / step - 1) <= _NEAR and abs(int(zero) + lowest / step) <= 0.5 + _NEAR * _STEPS


def _halves(variant: onnx.ModelProto) -> Set[str]:
    """Return the values of a graph that are held in half precision."""
    known = onnx.shape_inference.infer_shapes(variant).graph
    values: Sequence[Any] = (*known.value_info, *known.input, *known.output)
    weights = {item.name: item.data_type for item in variant.graph.initializer}
    types = {value.name: value.type.tensor_type.elem_type for value in values} | weights
    return {name for name, kind in types.items() if kind == TensorProto.FLOAT16}


def _largest(seen: Range) -> float:
    return max(abs(seen.lowest), abs(seen.highest))
