"""Images of squares, circles and triangles, drawn by the program; nothing to download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.contracts import Columns, Dataset
from ...core.contracts.specs import DatasetSpec
from .shape_labels import COLUMN, KINDS, SIDE, shapes_spec

FIGURES = 10
"""Figures in every image, of both kinds together."""

_PIXELS = SIDE * SIDE
_BLOCK = 1000


def stamps() -> tuple[NDArray[np.bool_], ...]:
    """Return one figure of each kind, bool `[11, 11]`, its anchor in the middle, in the order of `KINDS`.

    The shapes and sizes are those of GSN: a square of 7 x 7, a circle of radius 4, triangles with a base of
    11 and a height of 6. The anchor is the middle of a square or circle and the middle of a triangle's base.

    >>> [int(stamp.sum()) for stamp in stamps()]
    [49, 49, 36, 36, 36, 36]
    """
    row, column = np.mgrid[-5:6, -5:6]
    square = (abs(row) <= 3) & (abs(column) <= 3)
    circle = row**2 + column**2 <= 16
    up = (row <= 0) & (abs(column) <= 5 + row)
    right, down, left = (np.rot90(up, -quarters) for quarters in (1, 2, 3))
    return square, circle, up, right.copy(), down.copy(), left.copy()


class SyntheticShapes(Dataset):
    """White figures on black: two of six kinds in every image, ten figures in all.

    Figures have the shapes, sizes and anchors of GSN's: an anchor may be any pixel, so a figure may be cut
    by the image's edge. As in the real images, figures are placed independently and flip each other's
    pixels where they cross (but for GSN's *left* triangles, anchored at the tip: one there may lie all but
    one pixel outside). With `overlap` off, the figures of an image share no pixel.

    The kinds are any of the 15 pairs, equally likely, and the first kind's count is any of
    `least..10 - least`, equally likely. The default `least=2` is GSN's own distribution (2..8: no
    image has 1 or 9 figures of a kind). The label `counts` is float32 `[N, 6]`, in the order of `KINDS`.

    Train and test come from different random streams. Image `i` of a split depends on `seed`, the split,
    `i`, `least` and `overlap` alone, not on the sizes.

    >>> splits = SyntheticShapes(train_size=3, test_size=2).load()
    >>> splits["train"].image.shape, splits["test"].labels["counts"].sum(axis=1).tolist()
    ((3, 1, 28, 28), [10.0, 10.0])
    """

    def __init__(
        self,
        *,
        train_size: Annotated[int, Field(ge=1, le=1_000_000, description="Training images to draw.")] = 9000,
        test_size: Annotated[int, Field(ge=1, le=1_000_000, description="Test images to draw.")] = 1000,
        seed: Annotated[int, Field(ge=0, description="Seed of the drawing.")] = 0,
        least: Annotated[int, Field(ge=1, le=5, description="Fewest figures of a kind that is shown.")] = 2,
        overlap: Annotated[
            bool, Field(description="Place figures independently; crossing ones flip pixels, as in GSN.")
        ] = True,
    ) -> None:
        self.sizes = {"train": train_size, "test": test_size}
        self.seed = seed
        self.least = least
        self.overlap = overlap

    def spec(self) -> DatasetSpec:
        return shapes_spec()

    def sources(self) -> Sequence[Path]:
        return []

    def load(self) -> Mapping[str, Columns]:
        placed = _placed_stamps()
        exclusion = None if self.overlap else _exclusion(placed)
        return {split: self._draw(split, size, placed, exclusion) for split, size in self.sizes.items()}

    def _draw(
        self, split: str, size: int, placed: NDArray[np.bool_], exclusion: NDArray[np.bool_] | None
    ) -> Columns:
        from ...core.contracts.randomness import derive_seed  # imports torch

        images, counts = [], []
        for block in range(-(-size // _BLOCK)):
            random = np.random.default_rng(derive_seed(self.seed, "shapes-synthetic", split, block))
            kinds = _choose_kinds(random, self.least)
            if exclusion is None:
                anchors = random.integers(_PIXELS, size=kinds.shape)
            else:
                anchors = _choose_free_anchors(random, kinds, exclusion)
            images.append(np.logical_xor.reduce([placed[kinds[:, i], anchors[:, i]] for i in range(FIGURES)]))
            counts.append((kinds[:, :, None] == np.arange(len(KINDS))).sum(axis=1))
        image = np.concatenate(images)[:size].reshape(-1, 1, SIDE, SIDE).astype(np.uint8) * np.uint8(255)
        return Columns(image, {COLUMN: np.concatenate(counts)[:size].astype(np.float32)})


def _placed_stamps() -> NDArray[np.bool_]:
    """Return the image of each kind alone at each anchor, bool `[kinds, anchors, pixels]`."""
    placed = np.zeros((len(KINDS), SIDE, SIDE, SIDE + 10, SIDE + 10), dtype=bool)
    for kind, stamp in enumerate(stamps()):
        for row in range(SIDE):
            for column in range(SIDE):
                placed[kind, row, column, row : row + 11, column : column + 11] = stamp
    inside = placed[..., 5 : 5 + SIDE, 5 : 5 + SIDE]
    return inside.reshape(len(KINDS), _PIXELS, _PIXELS)


def _exclusion(placed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether kind `b` at anchor `q` would overlap kind `a` at anchor `p`, bool `[a, p, b, q]`."""
    flat = placed.reshape(-1, _PIXELS).astype(np.float32)
    shared = flat @ flat.T
    return (shared > 0).reshape(len(KINDS), _PIXELS, len(KINDS), _PIXELS)


def _choose_kinds(random: np.random.Generator, least: int) -> NDArray[np.intp]:
    """Return the kind of each figure of a block of images, `[images, figures]`, in random order."""
    first, second = np.triu_indices(len(KINDS), k=1)
    pair = random.integers(len(first), size=_BLOCK)
    count = random.integers(least, FIGURES - least, size=_BLOCK, endpoint=True)
    is_first = np.arange(FIGURES) < count[:, None]
    kinds = np.where(is_first, first[pair][:, None], second[pair][:, None])
    # Neither kind is placed first, or the other would get what space is left.
    return random.permuted(kinds, axis=1)


def _choose_free_anchors(
    random: np.random.Generator, kinds: NDArray[np.intp], exclusion: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return an anchor per figure, `[images, figures]`, each drawn from where it overlaps none before it.

    An image that has no room left for its next figure is drawn again from its first.
    """
    anchors = np.zeros(kinds.shape, dtype=np.intp)
    pending = np.arange(len(kinds))
    while len(pending):
        anchors[pending], complete = _place_once(random, kinds[pending], exclusion)
        pending = pending[~complete]
    return anchors


def _place_once(
    random: np.random.Generator, kinds: NDArray[np.intp], exclusion: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return anchors `[images, figures]` and whether every figure of the image found room."""
    anchors = np.zeros(kinds.shape, dtype=np.intp)
    complete = np.ones(len(kinds), dtype=bool)
    for figure in range(FIGURES):
        kind = kinds[:, figure]
        taken = np.zeros((len(kinds), _PIXELS), dtype=bool)
        for before in range(figure):
            taken |= exclusion[kinds[:, before], anchors[:, before], kind]
        score = np.where(taken, -1.0, random.random(taken.shape, dtype=np.float32))
        anchors[:, figure] = score.argmax(axis=1)
        complete &= ~taken.all(axis=1)
    return anchors, complete
