"""The proof that a float16 or int8 file is the float32 file, rounded: same operators, wiring and weights.

Numbers alone cannot prove it: what eight bits may differ by would hide a wrong weight. So both graphs are
walked from the outputs, side by side; rounding steps (casts, quantise-dequantise pairs) are passed over, and
every weight must be the float32 file's, rounded to nearest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from ..core.errors import VerificationError
from .graphs import producers

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16}
_HALF = 2.0**-11
_SMALLEST_HALF = 6e-8
_LARGEST_HALF = 65504.0
_COARSEST = 1 / 60
"""Largest step of a quantised weight, in units of its channel's largest weight: seven bits have 1/64."""


@dataclass(frozen=True)
class Derivation:
    """What was compared: operators, weights, and the weights that are eight bits."""

    operators: int
    weights: int
    quantized_weights: int

    def to_json(self) -> dict[str, int]:
        """Return the counts as plain JSON values."""
        return {
            "operators": self.operators,
            "weights": self.weights,
            "quantized_weights": self.quantized_weights,
        }


def prove_derivation(base: onnx.ModelProto, variant: onnx.ModelProto, name: str) -> Derivation:
    """Return what was compared; raise `VerificationError`, starting with `name`, at the first deviation."""
    return _Walk(_Graph(base.graph), _Graph(variant.graph), name).result()


class _Graph:
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
        while (node := self.made.get(value)) is not None:
            if node.op_type == "Cast" and node.attribute[0].i in _FLOATS:
                value = node.input[0]
            elif node.op_type == "DequantizeLinear" and (before := self._quantized(node)) is not None:
                value = before
            else:
                break
        return value

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


class _Walk:
    """Both graphs, from the outputs to the inputs and weights."""

    def __init__(self, base: _Graph, variant: _Graph, name: str) -> None:
        self.base = base
        self.variant = variant
        self.name = name
        self.operators: set[tuple[str, str]] = set()
        self.weights: set[str] = set()
        self.quantized: set[str] = set()

    def result(self) -> Derivation:
        if self.base.outputs != self.variant.outputs:
            raise self._differs("its outputs", "others")
        waiting = [(output, output) for output in self.base.outputs]
        seen = set()
        while waiting:
            pair = waiting.pop()
            if pair not in seen:
                seen.add(pair)
                waiting += self._inputs_of(*pair)
        return Derivation(len(self.operators), len(self.weights), len(self.quantized))

    def _inputs_of(self, expected: str, found: str) -> Iterator[tuple[str, str]]:
        """Compare one value of both graphs; yield the pairs it is computed from."""
        if not expected or not found:
            if expected or found:
                raise self._differs("an operator", "reads other inputs")
            return
        expected, found = self.base.source(expected), self.variant.source(found)
        wanted = self.base.constant(expected)
        if wanted is not None:
            self._compare_weight(expected, wanted, found)
            return
        if expected in self.base.inputs:
            if found != expected:
                raise self._differs(f"input {expected!r}", "is not read where it should be")
            return
        one, other = self.base.made[expected], self.variant.made.get(found)
        if other is None or not _same_operator(one, other) or len(one.input) != len(other.input):
            raise self._differs(f"operator {one.name!r} ({one.op_type})", "is another one")
        if list(one.output).index(expected) != list(other.output).index(found):
            raise self._differs(f"operator {one.name!r} ({one.op_type})", "gives another of its outputs")
        self.operators.add((one.name, other.name))
        yield from zip(one.input, other.input, strict=True)

    def _compare_weight(self, name: str, wanted: NDArray[Any], found: str) -> None:
        self.weights.add(name)
        what = f"weight {name!r}"
        value = self.variant.constant(found)
        if value is not None:
            if value.shape != wanted.shape:
                raise self._differs(what, "has another shape")
            if value.dtype == np.float16 and wanted.dtype == np.float32:
                room = _HALF * np.abs(wanted) + _SMALLEST_HALF
                same = np.abs(value.astype(np.float64) - wanted) <= room
                if not (same | (np.abs(wanted) > _LARGEST_HALF)).all():
                    raise self._differs(what, "is another one")
            elif value.dtype != wanted.dtype or not np.array_equal(value, wanted):
                raise self._differs(what, "is another one")
            return
        node = self.variant.made.get(found)
        if node is None or node.op_type != "DequantizeLinear":
            raise self._differs(what, "is computed")
        self.quantized.add(name)
        if not self._rounds_to(node, wanted):
            raise self._differs(what, "is another one")

    def _rounds_to(self, node: onnx.NodeProto, wanted: NDArray[Any]) -> bool:
        """Whether a dequantised weight is the wanted one, rounded to a fine enough step."""
        parts = [self.variant.constant(value) for value in node.input]
        if any(part is None for part in parts):
            return False
        whole, scale, *zero = (np.asarray(part) for part in parts)
        axis = next((item.i for item in node.attribute if item.name == "axis"), 1)
        if whole.shape != wanted.shape or (scale.ndim and scale.shape != (wanted.shape[axis],)):
            return False
        form = [1] * wanted.ndim
        if scale.ndim:
            form[axis] = -1
        step = scale.astype(np.float64).reshape(form)
        offset = zero[0].astype(np.float64).reshape(form) if zero else 0.0
        others = tuple(index for index in range(wanted.ndim) if not scale.ndim or index != axis % wanted.ndim)
        largest = np.abs(wanted).max(axis=others, keepdims=True).reshape(step.shape)
        fine = (step <= _COARSEST * largest) | (largest < _SMALLEST_HALF)
        near = np.abs((whole.astype(np.float64) - offset) * step - wanted) <= 0.501 * step
        return bool(fine.all() and near.all())

    def _differs(self, what: str, how: str) -> VerificationError:
        return VerificationError(f"{self.name} is not the float32 model, rounded: {what} {how}")


def _same_operator(one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    def settings(node: onnx.NodeProto) -> dict[str, bytes]:
        return {item.name: item.SerializeToString(deterministic=True) for item in node.attribute}

    return (one.op_type, one.domain, settings(one)) == (other.op_type, other.domain, settings(other))
