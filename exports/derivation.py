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

from ..core.base.errors import VerificationError
from .graphs import Graph

_SMALLEST_HALF = 6e-8
STEP = 1 / 64
"""The step of a quantised weight, in units of its channel's largest weight: of seven bits."""
_NEAR = 1e-6
"""Relative difference of a step: float32 has a few digits more."""


@dataclass(frozen=True)
class Place:
    """A value of the float32 graph where an operator reads it, and the values that stand for it there.

    `found` goes from the one that is read back to the one that was rounded.
    """

    expected: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class Derivation:
    """What was compared: operators, weights, the weights that are eight bits, and where values are read."""

    operators: int
    weights: int
    eight_bit_weights: frozenset[str]
    places: tuple[Place, ...]

    def to_json(self) -> dict[str, int]:
        """Return the counts as plain JSON values."""
        return {
            "operators": self.operators,
            "weights": self.weights,
            "quantized_weights": len(self.eight_bit_weights),
        }


def prove_derivation(base: onnx.ModelProto, variant: onnx.ModelProto, name: str) -> Derivation:
    """Return what was compared; raise `VerificationError`, starting with `name`, at the first deviation."""
    return _Walk(Graph(base.graph), Graph(variant.graph), name).result()


class _Walk:
    """Both graphs, from the outputs to the inputs and weights."""

    def __init__(self, base: Graph, variant: Graph, name: str) -> None:
        self.base = base
        self.variant = variant
        self.name = name
        self.operators: set[tuple[str, str]] = set()
        self.weights: set[str] = set()
        self.quantized: set[str] = set()
        self.places: list[Place] = []

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
        return Derivation(
            len(self.operators), len(self.weights), frozenset(self.quantized), tuple(self.places)
        )

    def _inputs_of(self, expected: str, found: str) -> Iterator[tuple[str, str]]:
        """Compare one value of both graphs; yield the pairs it is computed from."""
        if not expected or not found:
            if expected or found:
                raise self._differs("an operator", "reads other inputs")
            return
        passed = tuple(self.variant.passed(found))
        self.places.append(Place(expected, passed))
        expected, found = self.base.source(expected), passed[-1]
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
                if not _nearest(value, wanted):
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
        fine = (np.abs(step - STEP * largest) <= _NEAR * step) | (largest < _SMALLEST_HALF)
        near = np.abs((whole.astype(np.float64) - offset) * step - wanted) <= 0.501 * step
        return bool(fine.all() and near.all())

    def _differs(self, what: str, how: str) -> VerificationError:
        return VerificationError(f"{self.name} is not the float32 model, rounded: {what} {how}")


def _nearest(value: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether halves are the nearest to float32 numbers; those too small for one may be the smallest."""
    tiny = (np.abs(wanted) < _SMALLEST_HALF) & (np.abs(value) <= _SMALLEST_HALF)
    return bool(((value == wanted.astype(np.float16)) | tiny).all())


def _same_operator(one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    def settings(node: onnx.NodeProto) -> dict[str, bytes]:
        return {item.name: item.SerializeToString(deterministic=True) for item in node.attribute}

    return (one.op_type, one.domain, settings(one)) == (other.op_type, other.domain, settings(other))
