"""The parts of several data sets as one: no picture that one of them is trained on is for testing another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.contracts import Columns, Form, Preparation, Storage
from .mix_columns import absent, fitted
from .table_parts import PARTS, TEST, TRAIN, VALIDATION, carve, each_told, same_units
from .table_pictures import content_of

_IMAGE, _MAP = "image", "map "
"""What pictures and maps are called where they lie together: no map has the name of the pictures."""


@dataclass(frozen=True)
class Part:
    """Some rows of a data set for one part of the data, its label columns called as in the mixture."""

    source: str
    part: int
    columns: Columns


def mixed_parts(
    pieces: Sequence[Part],
    preparation: Preparation,
    forms: Mapping[str, Form],
    storage: Storage,
    validation: float,
    seed: int,
) -> tuple[dict[str, Columns], tuple[str, ...]]:
    """Return the parts of all rows together, pictures in one form, and what was moved, in words.

    Of a data set without rows for validation, that share of its training rows is carved by the seed. Equal
    pictures of several data sets go to one part: testing before validation before training. Raises
    `UsageError` when a data set has no training rows left.
    """
    sources = np.repeat([piece.source for piece in pieces], [len(piece.columns) for piece in pieces])
    parts = np.repeat([piece.part for piece in pieces], [len(piece.columns) for piece in pieces])
    parts = parts.astype(np.int8)
    large = {name for piece in pieces for name in piece.columns.maps}
    names = dict.fromkeys((*forms, *(name for piece in pieces for name in piece.columns.labels)))
    labels = {name: _joined(pieces, name, forms.get(name)) for name in names if name not in large}
    digests: list[object | None] = [None] * len(parts)
    mapped = {name: form for name, form in forms.items() if name in large}
    pixels, maps = _stored(pieces, preparation, mapped, storage, digests)
    units = same_units(len(parts), [digests])
    for source in dict.fromkeys(sources.tolist()):
        rows = np.flatnonzero((sources == source) & (parts == TRAIN))
        if not ((sources == source) & (parts == VALIDATION)).any():
            flat = [column[rows] for column in labels.values() if column.ndim <= 2]
            own = [part for column in flat for part in each_told(column)]
            parts[rows] = carve(parts[rows], VALIDATION, validation, units[rows], own, seed)
    parts, moved = _together(sources, parts, units)
    found = {}
    for number, part in enumerate(PARTS):
        rows = np.flatnonzero(parts == number)
        found[part] = Columns(pixels, {name: column[rows] for name, column in labels.items()}, rows, maps)
    return found, moved


def _joined(pieces: Sequence[Part], name: str, form: Form | None) -> NDArray[Any]:
    """Return a label column of all rows: holes where a data set has none."""
    columns = []
    for piece in pieces:
        values = piece.columns.labels.get(name)
        if values is None:
            assert form is not None
            values = absent(form, len(piece.columns))
        # Sources may keep columns of one form in several types.
        columns.append(values if form is None else values.astype(form.column_dtype, copy=False))
    return np.concatenate(columns)


def _stored(
    pieces: Sequence[Part],
    preparation: Preparation,
    forms: Mapping[str, Form],
    storage: Storage,
    digests: list[object | None],
) -> tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]:
    """Return the pictures of all rows, and their maps; `digests` get what tells the pictures apart."""
    firsts = np.cumsum([0, *(len(piece.columns) for piece in pieces)])

    def fill(start: int, out: Mapping[str, NDArray[Any]]) -> None:
        stop = start + len(out[_IMAGE])
        for piece, first, last in zip(pieces, firsts[:-1], firsts[1:], strict=True):
            if first < stop and start < last:
                low, high = max(start, first), min(stop, last)
                there = {name: column[low - start : high - start] for name, column in out.items()}
                _write(piece.columns, slice(low - first, high - first), there, preparation, forms)
        for row, picture in enumerate(out[_IMAGE], start):
            digests[row] = content_of(picture)

    kinds = {_MAP + name: (form.target_shape, form.column_dtype) for name, form in forms.items()}
    found = storage.columns(int(firsts[-1]), {_IMAGE: (preparation.image.shape, "uint8"), **kinds}, fill)
    return found[_IMAGE], {name: found[_MAP + name] for name in forms}


def _write(
    columns: Columns,
    chosen: slice,
    out: Mapping[str, NDArray[Any]],
    preparation: Preparation,
    forms: Mapping[str, Form],
) -> None:
    """Write some of a part's pictures and maps."""
    rows = chosen if columns.rows is None else columns.rows[chosen]
    out[_IMAGE][...] = fitted(columns.image[rows], preparation)
    for name, form in forms.items():
        if name in columns.maps:
            out[_MAP + name][...] = columns.maps[name][rows]
        elif name in columns.labels:
            out[_MAP + name][...] = columns.labels[name][chosen]
        else:
            out[_MAP + name][...] = absent(form, chosen.stop - chosen.start)


def _together(
    sources: NDArray[Any], parts: NDArray[np.int8], units: NDArray[np.int64]
) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """Return the parts with the pictures that several data sets have in one of them, and what was moved."""
    numbers = np.unique(sources, return_inverse=True)[1]
    first, last = np.full(units.max() + 1, len(sources)), np.full(units.max() + 1, -1)
    np.minimum.at(first, units, numbers)
    np.maximum.at(last, units, numbers)
    shared = (first != last)[units]
    highest = np.zeros(len(first), dtype=np.int8)
    np.maximum.at(highest, units, parts)
    whole = np.where(shared, highest[units], parts)
    said = []
    for source in dict.fromkeys(sources.tolist()):
        rows = sources == source
        for part in (VALIDATION, TEST):
            count = int((rows & (whole == part) & (parts != part)).sum())
            if count:
                said.append(
                    f"{source}: {count:,} pictures go to {PARTS[part]}, where another data set has them"
                )
        if not (rows & (whole == TRAIN)).any():
            raise UsageError(
                f"{source}: no row is left for training: {'; '.join(said) or 'it has none'}",
                hint="give the data sets the same parts, by a column that says them",
            )
    return whole, tuple(said)
