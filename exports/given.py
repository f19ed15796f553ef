"""What a caller gives for the inputs beside an image, made into what a model reads. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import UsageError
from ..core.contracts.inputs import InputSpec, ModelInput, VectorSpec, vectors_among


def rows_given(specs: Sequence[ModelInput], inputs: Mapping[str, Any]) -> int:
    """Return for how many samples the first vector is given; 0 when it is missing or has no length."""
    vectors = vectors_among(specs)
    value = inputs.get(vectors[0].name) if vectors else None
    return len(value) if isinstance(value, Sized) else 0


def given_values(spec: ModelInput, value: Any, count: int) -> NDArray[Any]:
    """Return an input's values for `count` samples; raise `UsageError` when they do not fit it."""
    return _rows(spec, value, count) if isinstance(spec, VectorSpec) else _whole_numbers(spec, value, count)


def _rows(spec: VectorSpec, value: Any, count: int) -> NDArray[np.float32]:
    if isinstance(value, Sequence) and value and all(isinstance(row, Mapping) for row in value):
        try:
            value = [spec.encode(row) for row in value]
        except ValueError as error:
            raise UsageError(f"input {spec.name!r}: {error}") from None
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.shape != (count, *spec.shape):
        columns = ", ".join(spec.columns)
        raise UsageError(
            f"input {spec.name!r} must be {count} rows of {spec.shape[0]} numbers, or a mapping for each",
            hint=f"its columns: {columns}",
        )
    values = array.astype(np.float32)
    if np.isinf(values).any():
        raise UsageError(
            f"input {spec.name!r} holds an infinite value", hint="NaN stands for what is not known"
        )
    return values


def _whole_numbers(spec: InputSpec, value: Any, count: int) -> NDArray[np.int64]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu" or array.shape not in ((), (count,)):
        raise UsageError(f"input {spec.name!r} must be one whole number, or one for each of {count} images")
    if not ((array >= 0) & (array < spec.count)).all():
        wrong = array[(array < 0) | (array >= spec.count)].reshape(-1)[0]
        raise UsageError(f"input {spec.name!r} is {wrong}; it goes from 0 to {spec.count - 1}")
    return np.broadcast_to(array.astype(np.int64), (count,)).copy()
