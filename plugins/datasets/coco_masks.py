"""Masks of COCO annotations: a category for every pixel, from polygons and run lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.pixel_classes import UNLABELLED

MASKS = "masks"
"""What the label column is called."""

MOST_CATEGORIES = 254
"""Categories that a mask tells apart: a byte, without that of no label and that of the background."""

MOST_PIXELS = 64_000_000
"""Pixels of a picture whose run lengths are unpacked: as many as are decoded of a picture itself."""

MOST_CORNERS = 10_000
"""Corners of a polygon, each of which is held against each row of the mask."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Outline:
    """An object of a picture: the number of its category from 1 on, its size, and where it is.

    `where` is a segmentation as COCO writes it, polygons or run lengths; `box` (x, y, width, height) counts
    where there is none: which of its pixels are the object is then not known.
    """

    number: int
    size: float
    where: Any
    box: Sequence[float]


def drawn(outlines: Sequence[Outline], picture: tuple[int, int], form: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the category of each pixel, uint8 `[H, W]`: 0 for none of them, 255 where it is not known.

    `picture` are height and width that the annotations count in, `form` those of the mask, whose pixels have
    what lies at their centres. Smaller objects lie over larger ones. Raises `ValueError` for what is no
    segmentation.
    """
    mask = np.zeros(form, dtype=np.uint8)
    for outline in sorted(outlines, key=lambda one: -one.size):
        if outline.where:
            mask[_covered(outline.where, picture, form)] = outline.number
        elif outline.box:
            x, y, width, height = outline.box
            corners = [x, y, x + width, y, x + width, y + height, x, y + height]
            mask[_covered([corners], picture, form)] = UNLABELLED
    return mask


def _covered(where: Any, picture: tuple[int, int], form: tuple[int, int]) -> Flags:
    if isinstance(where, Mapping):
        whole = run_lengths(where)
        if whole.shape != picture:
            raise ValueError(f"run lengths of {whole.shape[0]} x {whole.shape[1]} pixels")
        centres = ((2 * np.arange(n) + 1) * size // (2 * n) for n, size in zip(form, picture, strict=True))
        return whole[np.ix_(*centres)]
    scale = np.array([form[1] / picture[1], form[0] / picture[0]])
    found = np.zeros(form, dtype=bool)
    for part in where:
        corners = np.array(part, dtype=np.float64)
        if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2 or not np.isfinite(corners).all():
            raise ValueError("a polygon is x and y of three corners or more")
        if len(corners) > 2 * MOST_CORNERS:
            raise ValueError(
                f"a polygon has {len(corners) // 2:,} corners; at most {MOST_CORNERS:,} are read"
            )
        found |= polygon(corners.reshape(-1, 2) * scale, form)
    return found


def polygon(corners: NDArray[np.float64], form: tuple[int, int]) -> Flags:
    """Return which pixels have their centres in a polygon, x and y of its `corners` `[N, 2]`; even and odd.

    >>> polygon(np.array([[1.0, 0.0], [3.0, 0.0], [3.0, 2.0], [1.0, 2.0]]), (2, 4)).astype(int).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 0]]
    """
    height, width = form
    x, y = corners.T
    next_x, next_y = np.roll(corners, -1, axis=0).T
    centres = np.arange(height) + 0.5
    row, edge = np.nonzero((y <= centres[:, None]) != (next_y <= centres[:, None]))
    share = (centres[row] - y[edge]) / (next_y - y)[edge]
    crossing = x[edge] + share * (next_x - x)[edge]
    turns = np.zeros((height, width + 1), dtype=np.int64)
    np.add.at(turns, (row, np.ceil(crossing - 0.5).clip(0, width).astype(np.int64)), 1)
    return np.asarray(turns[:, :width].cumsum(axis=1) % 2 == 1)


def run_lengths(where: Mapping[str, Any]) -> Flags:
    """Return the pixels of run lengths as COCO writes them: down the columns, beginning with those outside.

    >>> run_lengths({"size": [2, 3], "counts": [1, 2, 3]}).astype(int).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    height, width = (int(side) for side in where["size"])
    if not 0 < height * width <= MOST_PIXELS:
        raise ValueError(f"run lengths for {height} x {width} pixels")
    counts = where["counts"]
    runs = _unpacked(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"run lengths of {sum(runs):,} pixels for {height} x {width}")
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    """Return the runs of COCO's packed form: five bits a character.

    From the fourth on, a run is written as the difference to the one before the last.

    >>> _unpacked("123")
    [1, 2, 3]
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{character!r} is no character of packed run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    if shift:
        raise ValueError("packed run lengths end within a number")
    return runs
