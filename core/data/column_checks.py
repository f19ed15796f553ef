"""Whether what a data set gave is what its spec says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ComponentError
from ..base.shapes import shown_shape
from ..contracts import Columns, Form
from ..contracts.inputs import column_problem
from ..contracts.specs import DatasetSpec
from ..discovery.fitting_forms import fitting_forms
from ..discovery.registry import installed
from .pages import AboutToRead

_PART = 1 << 22
"""Bytes of a map that are looked at together."""

_ROWS = 64
"""Rows of a map that forms are asked about: all may be larger than memory."""


def check_columns(
    columns: Columns, spec: DatasetSpec, split: str, about_to_read: AboutToRead = lambda rows, each: None
) -> None:
    """Raise `ComponentError` when columns are not what the spec says: types, shapes, lengths, ranges.

    All wrong label columns are named, with the forms that would hold them. `split` is what the message begins
    with; `about_to_read` is told before rows of a map are read.
    """
    image, shape = columns.image, spec.image.kept_shape
    if image.dtype != np.uint8 or image.shape[1:] != shape:
        raise ComponentError(
            f"{split}: images must be uint8 {shown_shape(['N', *shape])}, "
            f"got {image.dtype} {shown_shape(image.shape)}"
        )
    _check_rows(columns, split)
    for item in spec.inputs:
        if item.name not in columns.labels:
            raise ComponentError(f"{split}: the input {item.name!r} is promised but missing")
        if problem := column_problem(item, columns.labels[item.name], len(columns)):
            raise ComponentError(f"{split}: the input {item.name!r} {problem}")
    wrong: dict[str, str] = {}
    for name, form in spec.labels.items():
        if name in columns.maps:
            problem = _map_problem(form, columns.maps[name], about_to_read)
        elif name in columns.labels:
            problem = form.column_problem(columns.labels[name], len(columns))
        else:
            problem = "is promised but missing"
        if problem:
            wrong[name] = f"label column {name!r} {problem}"
    if wrong:
        raise ComponentError(f"{split}: {'; '.join(wrong.values())}", hint=_fitting(columns, spec, wrong))


def _fitting(columns: Columns, spec: DatasetSpec, wrong: Iterable[str]) -> str | None:
    """Return which forms would hold the columns that are there, in words."""
    there = {**columns.labels, **{name: column[:_ROWS] for name, column in columns.maps.items()}}
    found = {
        name: fitting_forms(name, there[name], spec.image, installed()) for name in wrong if name in there
    }
    if len(found) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{name}: {said}" for name, said in found.items()) or None


def _map_problem(form: Form, store: NDArray[Any], about_to_read: AboutToRead) -> str | None:
    """Return what is wrong with a map, looked at part by part."""
    each = max(1, store[:1].nbytes)
    size = max(1, _PART // each)
    for start in range(0, max(1, len(store)), size):
        part = store[start : start + size]
        about_to_read(len(part), each)
        if problem := form.column_problem(part, len(part)):
            return problem
    return None


def _check_rows(columns: Columns, split: str) -> None:
    rows, count = columns.rows, len(columns.image)
    for name, column in columns.maps.items():
        if len(column) != count:
            raise ComponentError(
                f"{split}: map {name!r} has {len(column)} rows, and there are {count} images"
            )
    if rows is None:
        return
    if rows.dtype != np.int64 or rows.ndim != 1:
        raise ComponentError(f"{split}: rows must be int64 [N], got {rows.dtype} {shown_shape(rows.shape)}")
    if len(rows) and (rows.min() < 0 or rows.max() >= count):
        raise ComponentError(f"{split}: rows must lie in 0..{count - 1}, got {rows.min()}..{rows.max()}")
