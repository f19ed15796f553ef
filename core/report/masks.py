"""Answers that are a class per pixel: laid over the picture in colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts import Mask
from .markup import Html, join, tag
from .pixels import Bytes, picture

_OPAQUE = 0.6
"""How much of a pixel's colour is that of its class."""

_SWATCH = 14
"""Pixels of a legend's square."""


def laid_over(drawing: Mask, seen: Bytes, classes: NDArray[np.int64], where: NDArray[np.bool_]) -> Bytes:
    """Return the colours of classes over pictures, uint8 `[N, 3, H, W]`; elsewhere a picture is left bare."""
    colours = np.array(drawing.colours, dtype=np.uint8)
    grey = seen if seen.shape[1] == 3 else seen.mean(axis=1, keepdims=True)
    painted = colours[classes.clip(0)].transpose(0, 3, 1, 2)
    mixed = (1 - _OPAQUE) * grey + _OPAQUE * painted
    return np.asarray(np.rint(np.where(where[:, None], mixed, grey)), dtype=np.uint8)


def legend(task: str, drawing: Mask) -> Html:
    """Return the classes with their colours."""
    items = []
    for name, colour in zip(drawing.labels, drawing.colours, strict=True):
        swatch = np.full((_SWATCH, _SWATCH, 3), colour, dtype=np.uint8).transpose(2, 0, 1)
        items.append(tag("li", join([picture(swatch, alt=""), tag("span", name)])))
    return tag("ul", *items, class_="legend", aria_label=f"Colours of {task}")
