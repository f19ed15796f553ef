"""The range of every number inside a float32 ONNX model, seen on calibration samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from ..core.contracts import Arrays
from .session import open_session, run_options

_CHUNK = 16
"""Samples at once: all values inside the model are held for them."""


@dataclass(frozen=True)
class Range:
    """The lowest and the highest number of one value of a graph; NaN where there was one."""

    lowest: float
    highest: float

    def joined(self, other: Range) -> Range:
        """Return the range that holds both."""
        return Range(
            float(np.minimum(self.lowest, other.lowest)), float(np.maximum(self.highest, other.highest))
        )

    def within(self, limit: float) -> bool:
        """Whether all numbers are at most `limit` from zero; not when there is NaN."""
        return -limit <= self.lowest and self.highest <= limit


Ranges = Mapping[str, Range]
"""By the name of a value: inputs, weights, and what is computed. Only floating-point ones."""


def ranges_of(model: onnx.ModelProto, samples: Arrays) -> Ranges:
    """Return the ranges of a float32 model's values for `samples`, fed as the model reads them."""
    found: dict[str, Range] = {}
    weights = ((item.name, numpy_helper.to_array(item)) for item in model.graph.initializer)
    for name, value in (*weights, *_computed(model, samples)):
        if value.dtype.kind == "f" and value.size:
            seen = Range(float(value.min()), float(value.max()))
            found[name] = seen.joined(found[name]) if name in found else seen
    return found


def _computed(model: onnx.ModelProto, samples: Arrays) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield every input and every computed value, a few samples at a time."""
    open_model = onnx.ModelProto()
    open_model.CopyFrom(model)
    told = {value.name for value in model.graph.output}
    inside = (name for node in model.graph.node for name in node.output if name and name not in told)
    open_model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inside)
    session = open_session(open_model.SerializeToString())
    names = [value.name for value in session.get_outputs()]
    count = min(len(value) for value in samples.values())
    for start in range(0, count, _CHUNK):
        feed = {name: np.ascontiguousarray(value[start : start + _CHUNK]) for name, value in samples.items()}
        values = zip(names, session.run(names, feed, run_options()), strict=True)
        yield from ((name, value) for name, value in values if isinstance(value, np.ndarray))
        yield from feed.items()
