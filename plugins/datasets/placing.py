"""Labels that lie in pictures, brought to where the pictures go."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Preparation

if TYPE_CHECKING:
    from ...core.data.picture_pixels import Place


def places_of(sizes: Sequence[tuple[int, int]], preparation: Preparation) -> list[Place]:
    """Return where the pixels of pictures of these heights and widths go.

    One that is too long to be cropped is refused, or left out, when it is read.
    """
    from ...core.data.picture_pixels import PictureError
    from ...core.data.pictures import place_of

    def place(height: int, width: int) -> Place:
        try:
            return place_of((max(1, width), max(1, height)), preparation)
        except PictureError:
            return place_of((1, 1), preparation)

    return [place(*size) for size in sizes]


def moved(points: NDArray[np.float32], places: Sequence[Place]) -> NDArray[np.float32]:
    """Return points `[N, K, 2]`, shares of the width and height, as shares of the pictures as they become.

    A point that is cut off is not there: NaN.
    """
    if all(place.whole for place in places):
        return points
    scaled, corner, size = (
        np.array([getattr(place, name) for place in places], dtype=np.float64)[:, None]
        for name in ("scaled", "corner", "size")
    )
    values = (points * scaled + corner) / size
    inside = ((values >= 0) & (values <= 1)).all(axis=2, keepdims=True)
    return np.where(inside, values, nan).astype(np.float32)


def laid(numbers: NDArray[Any], place: Place, outside: float) -> NDArray[Any]:
    """Return numbers of a picture that was scaled, `[h, w]`, where it goes, `[H, W]`; around it `outside`."""
    (wide, high), (left, top) = place.size, place.corner
    kept = numbers[max(0, -top) :, max(0, -left) :][:high, :wide]
    if kept.shape == (high, wide):
        return kept
    found = np.full((high, wide), outside, dtype=numbers.dtype)
    top, left = max(0, top), max(0, left)
    found[top : top + kept.shape[0], left : left + kept.shape[1]] = kept
    return found
