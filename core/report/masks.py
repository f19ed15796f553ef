"""Answers that are a class per pixel: laid over the picture in colours, the true one above the given one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts import Mask
from .first_samples import FirstSamples
from .markup import Html, join, tag
from .numbers import percent
from .picture_rows import Row, picture_rows
from .pixels import Bytes, picture

_OPAQUE = 0.6
"""How much of a pixel's colour is that of its class."""

_SWATCH = 14
"""Pixels of a legend's square."""


def masks(task: str, drawing: Mask, samples: FirstSamples, limit: int) -> list[Html]:
    """Return the first samples with their masks, and a legend."""
    colours = np.array(drawing.colours, dtype=np.uint8)
    given = drawing.chosen(samples.prediction)
    labelled = samples.target >= 0
    right = (given == samples.target) & labelled
    said = [
        f"{percent(float(one.sum() / known.sum()))} right" if known.any() else "no label"
        for one, known in zip(right, labelled, strict=True)
    ]
    rows = [
        Row("what the model sees", samples.seen),
        Row("true", _laid_over(samples.seen, colours, samples.target, labelled)),
        Row("answer", _laid_over(samples.seen, colours, given, np.ones_like(labelled)), said),
    ]
    note = (
        "A share right is that of the labelled pixels; where a pixel has no label, the picture is left bare."
    )
    return [picture_rows(task, rows, limit), _legend(task, drawing), tag("p", note, class_="note")]


def _laid_over(
    seen: Bytes, colours: NDArray[np.uint8], classes: NDArray[np.int64], where: NDArray[np.bool_]
) -> Bytes:
    """Return colours over pictures, uint8 `[N, 3, H, W]`."""
    grey = seen if seen.shape[1] == 3 else seen.mean(axis=1, keepdims=True)
    painted = colours[classes.clip(0)].transpose(0, 3, 1, 2)
    mixed = (1 - _OPAQUE) * grey + _OPAQUE * painted
    return np.asarray(np.rint(np.where(where[:, None], mixed, grey)), dtype=np.uint8)


def _legend(task: str, drawing: Mask) -> Html:
    items = []
    for name, colour in zip(drawing.labels, drawing.colours, strict=True):
        swatch = np.full((_SWATCH, _SWATCH, 3), colour, dtype=np.uint8).transpose(2, 0, 1)
        items.append(tag("li", join([picture(swatch, alt=""), tag("span", name)])))
    return tag("ul", *items, class_="legend", aria_label=f"Colours of {task}")
