"""Tensors of the Open Inference Protocol, from and to NumPy: JSON numbers or raw little-endian bytes.

>>> image = TensorForm("image", "FP32", (1, 2))
>>> from_json(image, [1, 1, 2], [0.25, 0.5]).tolist()
[[[0.25, 0.5]]]
>>> from_json(image, [1, 1, 2], [[[0.25, 0.5]]]).tolist()
[[[0.25, 0.5]]]
>>> from_bytes(image, [1, 1, 2], np.float32([0.25, 0.5]).tobytes()).tolist()
[[[0.25, 0.5]]]
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.shapes import BATCH, shown_shape
from ...core.contracts.inputs import VectorSpec
from .refusal import Refusal

_DTYPES: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "UINT8": np.dtype("u1"),
    "INT64": np.dtype("<i8"),
}
# Type codes of the standard library's arrays: they take numbers only, where NumPy would read text too.
_CODES = {"FP32": "f", "UINT8": "B", "INT64": "q"}
_NUMBERS = {"FP32": "numbers", "UINT8": "whole numbers from 0 to 255", "INT64": "whole numbers"}


@dataclass(frozen=True)
class TensorForm:
    """One input or output: its name, its datatype in the protocol's words, its shape without the batch.

    `bounds` are the lowest and the highest value an input may hold. Of a `vector` the values may be NaN,
    which JSON says as null, and a sample may be an object by column.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    bounds: tuple[float, float] | None = None
    vector: VectorSpec | None = None

    def check_shape(self, shape: Any) -> list[int]:
        """Return the shape of a request's tensor, batch first; raise `Refusal` when it does not fit."""
        wanted: list[int | str] = [BATCH, *self.shape]
        if not isinstance(shape, list) or not all(type(size) is int for size in shape):
            raise Refusal(f"input {self.name!r}: shape must be a list of whole numbers")
        if shape[1:] != wanted[1:] or len(shape) != len(wanted):
            read = shown_shape(wanted)
            raise Refusal(f"input {self.name!r} has shape {_short(shape)}; the model reads {read}")
        if shape[0] < 1:
            raise Refusal(f"input {self.name!r} has a batch of {shape[0]}; at least 1 is needed")
        return shape

    def check_values(self, values: NDArray[Any]) -> None:
        """Raise `Refusal` when a value lies outside the bounds or is not a number."""
        if self.vector is not None and np.isinf(values).any():
            raise Refusal(f"input {self.name!r} holds an infinite value; NaN stands for what is not known")
        if self.bounds is None:
            return
        lowest, highest = self.bounds
        # NaN makes both comparisons false.
        if not (values.min() >= lowest and values.max() <= highest):
            raise Refusal(f"input {self.name!r} holds values that are not within {lowest}..{highest}")


def from_json(form: TensorForm, shape: Sequence[int], data: Any) -> NDArray[Any]:
    """Return an array of the shape from JSON numbers, flat in row-major order or nested as the shape is.

    Raises `Refusal` when there are too few or too many, or something is not a number of the datatype.
    """
    if not isinstance(data, list):
        raise Refusal(f"input {form.name!r}: data must be a list")
    if form.vector is not None:
        data = _rows(form, form.vector, data)
    numbers = _flat(form, shape, data) if data and isinstance(data[0], list) else data
    if len(numbers) != prod(shape):
        raise Refusal(
            f"input {form.name!r} has {len(numbers)} values; its shape {list(shape)} needs {prod(shape)}"
        )
    try:
        # To an array true and false are numbers.
        values = None if bool in set(map(type, numbers)) else array(_CODES[form.datatype], numbers)
    except (TypeError, OverflowError):
        values = None
    if values is None:
        raise Refusal(f"input {form.name!r}: data must hold {_NUMBERS[form.datatype]} ({form.datatype})")
    return np.frombuffer(values, _DTYPES[form.datatype]).reshape(shape)


def from_bytes(form: TensorForm, shape: Sequence[int], data: bytes | memoryview) -> NDArray[Any]:
    """Return an array of the shape over raw little-endian bytes, wherever in memory they begin.

    Raises `Refusal` for the wrong number of bytes.
    """
    dtype = _DTYPES[form.datatype]
    needed = prod(shape) * dtype.itemsize
    if len(data) != needed:
        raise Refusal(
            f"input {form.name!r} has {len(data)} bytes of data; "
            f"{form.datatype} of shape {list(shape)} needs {needed}"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def _rows(form: TensorForm, vector: VectorSpec, data: list[Any]) -> list[Any]:
    """Return the data of a vector as numbers: objects by column are put in order, null becomes NaN."""
    try:
        rows = [vector.encode(item) if isinstance(item, dict) else item for item in data]
    except ValueError as error:
        raise Refusal(f"input {form.name!r}: {error}") from None
    return [
        [nan if value is None else value for value in row]
        if isinstance(row, list)
        else nan
        if row is None
        else row
        for row in rows
    ]


def _flat(form: TensorForm, shape: Sequence[int], data: list[Any]) -> list[Any]:
    """Return the numbers of nested lists; every list must be as long as the shape says."""
    level: list[Any] = [data]
    for size in shape:
        if not all(isinstance(part, list) and len(part) == size for part in level):
            raise Refusal(f"input {form.name!r}: data is not nested as its shape {list(shape)} says")
        level = [item for part in level for item in part]
    return level


def _short(shape: Sequence[int]) -> str:
    return shown_shape(shape) if len(shape) <= 8 else f"of {len(shape)} dimensions"
