"""Colours of drawn answers, the same ones on every page and in every file. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALE = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
"""Colours from the lowest to the highest number: matplotlib's viridis (Smith and van der Walt 2015) at every
eighth; between them straight lines. It grows evenly brighter, and is read without telling red from green."""

UNKNOWN = (128, 128, 128)
"""Colour of a number that is not known."""


def class_colours(count: int) -> tuple[tuple[int, int, int], ...]:
    """Return the colours of so many classes: those of Pascal VOC's label files, the first one black.

    The bits of a class's number, three at a time from the lowest, are the bits of red, green and blue from
    the highest. From 256 on they repeat.

    >>> class_colours(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    found = []
    for number in range(count):
        channels = [0, 0, 0]
        for place in range(8):
            for channel in range(3):
                channels[channel] |= (number % 256 >> 3 * place + channel & 1) << 7 - place
        found.append((channels[0], channels[1], channels[2]))
    return tuple(found)


def scaled(values: NDArray[np.floating], lowest: float, highest: float) -> NDArray[np.uint8]:
    """Return the colours of numbers `[H, W]` on `SCALE`, uint8 `[H, W, 3]`; NaN is grey.

    >>> scaled(np.array([[1.0, 2.0]]), 1.0, 2.0).tolist()
    [[[68, 1, 84], [253, 231, 37]]]
    """
    known = np.isfinite(values)
    span = highest - lowest
    place = np.where(known, values - lowest, 0.0) / (span if span > 0 else 1.0)
    steps = np.linspace(0.0, 1.0, len(SCALE))
    colours = np.stack([np.interp(place, steps, channel) for channel in zip(*SCALE, strict=True)], axis=-1)
    return np.where(known[..., None], np.rint(colours), UNKNOWN).astype(np.uint8)
