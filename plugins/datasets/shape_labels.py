"""The label column of the shape data sets: how many figures of each of six kinds an image shows."""

from __future__ import annotations

from ...core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from ..forms import Regression

COLUMN = "counts"
KINDS = ("squares", "circles", "up", "right", "down", "left")
"""The six kinds in label order; a triangle is named after where its tip points."""

SIDE = 28
"""Height and width of an image, in pixels."""

SYMMETRY = Symmetry(quarter_turn=(0, 1, 3, 4, 5, 2), mirror=(0, 1, 2, 5, 4, 3))
"""A quarter turn counter-clockwise makes *right* triangles point up, so the new `up` is the old `right`,
the new `right` the old `down`, and so on round; a left-right mirror swaps `right` and `left`."""


def shapes_spec() -> DatasetSpec:
    """Return what every shape data set offers: 1 x 28 x 28 images and the six counts.

    >>> shapes_spec().labels["counts"].units
    'figures'
    """
    return DatasetSpec(
        ImageSpec(1, SIDE, SIDE), {COLUMN: Regression(KINDS, units="figures")}, {COLUMN: SYMMETRY}
    )
