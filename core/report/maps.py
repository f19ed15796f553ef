"""Answers that are numbers per pixel: true and given on one scale of colours, and their difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts import Map
from ..contracts.colours import scaled
from ..contracts.drawing import extremes
from .first_samples import FirstSamples
from .markup import Html, join, tag
from .numbers import number
from .picture_rows import Row, picture_rows
from .pixels import Bytes, picture

_WIDE, _HIGH = 240, 12
"""Pixels of a scale."""


def maps(task: str, drawing: Map, samples: FirstSamples, limit: int) -> list[Html]:
    """Return, for each quantity, the first samples with true and given values and the scale of both."""
    units = f" {drawing.unit}" if drawing.unit else ""
    rows, scales = [Row("what the model sees", samples.seen)], []
    for index, name in enumerate(drawing.labels):
        true, given = samples.target[:, index], samples.prediction[:, index]
        answers, truth, (lowest, highest) = on_one_scale(given, true)
        difference = np.abs(given - true)
        _, largest = extremes(difference)
        said = [_mean(one, units) for one in difference]
        rows += [
            Row(f"{name}, true", truth),
            Row(f"{name}, answer", answers, said),
            Row(f"{name}, difference", _coloured(difference, 0.0, largest)),
        ]
        scales.append(_scale(f"{name}", lowest, highest, units))
        scales.append(_scale(f"{name}, absolute difference", 0.0, largest, units))
    note = "Below an answer: its mean absolute error. Grey: not known."
    return [
        picture_rows(task, rows, limit),
        tag("ul", *scales, class_="legend"),
        tag("p", note, class_="note"),
    ]


def on_one_scale(
    given: NDArray[np.floating], true: NDArray[np.floating]
) -> tuple[Bytes, Bytes, tuple[float, float]]:
    """Return answers and true ones `[N, H, W]` as pictures in the same colours, and the ends of the scale."""
    lowest, highest = extremes(np.concatenate([true, given]))
    return _coloured(given, lowest, highest), _coloured(true, lowest, highest), (lowest, highest)


def _coloured(values: NDArray[np.floating], lowest: float, highest: float) -> Bytes:
    return np.stack([scaled(plane, lowest, highest).transpose(2, 0, 1) for plane in values])


def _mean(difference: NDArray[np.floating], units: str) -> str:
    known = difference[np.isfinite(difference)]
    return f"{number(float(known.mean()))}{units}" if known.size else "no label"


def _scale(title: str, lowest: float, highest: float, units: str) -> Html:
    """Return the colours from the lowest to the highest number, with both."""
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, _WIDE), (_HIGH, _WIDE))
    shown = picture(scaled(ramp, 0.0, 1.0).transpose(2, 0, 1), alt="", limit=_WIDE)
    ends = f"{title}: {number(lowest)} to {number(highest)}{units}"
    return tag("li", join([shown, tag("span", ends)]))
