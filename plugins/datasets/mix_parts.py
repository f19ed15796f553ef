"""The parts of several data sets as one: no picture that one of them is trained on is for testing another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.contracts import Columns
from .table_parts import PARTS, TEST, TRAIN, VALIDATION, carve, same_units
from .table_pictures import content_of


@dataclass(frozen=True)
class Part:
    """Some rows of a data set for one part of the data: pictures uint8 `[N, C, H, W]`, and label columns."""

    source: str
    part: int
    image: NDArray[np.uint8]
    labels: Mapping[str, NDArray[Any]]


def mixed_parts(
    pieces: Sequence[Part], validation: float, seed: int
) -> tuple[dict[str, Columns], tuple[str, ...]]:
    """Return the parts of all rows together, and what was moved, in words.

    Of a data set without rows for validation, that share of its training rows is carved by the seed. Equal
    pictures of several data sets go to one part: testing before validation before training. Raises
    `UsageError` when a data set has no training rows left.
    """
    sources = np.repeat([piece.source for piece in pieces], [len(piece.image) for piece in pieces])
    parts = np.repeat([piece.part for piece in pieces], [len(piece.image) for piece in pieces]).astype(
        np.int8
    )
    labels = {name: np.concatenate([piece.labels[name] for piece in pieces]) for name in pieces[0].labels}
    digests: list[object | None] = [content_of(picture) for piece in pieces for picture in piece.image]
    units = same_units(len(parts), [digests])
    for source in dict.fromkeys(sources.tolist()):
        rows = np.flatnonzero((sources == source) & (parts == TRAIN))
        if not ((sources == source) & (parts == VALIDATION)).any():
            own = [column[rows] for column in labels.values() if column.ndim <= 2]
            parts[rows] = carve(parts[rows], VALIDATION, validation, units[rows], own, seed)
    parts, moved = _together(sources, parts, units)
    image = np.concatenate([piece.image for piece in pieces])
    found = {}
    for number, part in enumerate(PARTS):
        rows = np.flatnonzero(parts == number)
        found[part] = Columns(image[rows], {name: column[rows] for name, column in labels.items()})
    return found, moved


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
