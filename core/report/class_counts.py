"""How often each class is true and how often it is answered, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, drawing, frame, ticks
from .markup import Html, tag
from .numbers import shortened

_NAMED, _LEVEL = 24, 10
"""Most classes that are named, and most that are named without turning the names."""

_TURNED = 26.0
"""Room for names that are turned."""


def class_counts(task: str, names: Sequence[str], rows: Sequence[Sequence[float]]) -> Html:
    """Return a histogram from a table of answers `[K, K]` (row: true class, column: given class)."""
    counts = np.nan_to_num(np.asarray(rows, dtype=np.float64))
    if counts.shape != (len(names), len(names)) or not counts.any():
        return Html()
    true, given = counts.sum(axis=1), counts.sum(axis=0)
    said = f"{int((true > 0).sum())} of {len(names)} classes occur in the test split"
    title = tag("figcaption", f"classes: {said}")
    label = f"Samples of each class of {task}, and answers: {said}"
    return tag("figure", title, bars({"true": true, "answered": given}, names, label=label), class_="card")


def bars(counts: dict[str, NDArray[Any]], names: Sequence[str], *, label: str) -> Html:
    """Return bars over names, side by side for each of the `counts`."""
    largest = max(1.0, *(float(values.max()) for values in counts.values()))
    plain = len(names) <= _LEVEL and max(map(len, names)) <= WIDTH / len(names) / 8
    floor = HEIGHT - BOTTOM + 16 - (0 if plain else _TURNED)
    x = Axis(0.0, float(len(names)), LEFT, WIDTH - RIGHT, ())
    y = Axis(0.0, largest * 1.02, floor, TOP + 18.0, ticks(0.0, largest, 4))
    parts = [frame(x, y, ""), *_names(names, x, floor, plain)]
    for place, (title, values) in enumerate(counts.items()):
        parts += _bars(values, place, len(counts), x, y)
        at = LEFT + 110.0 * place
        parts.append(tag("rect", x=at, y=8, width=12, height=8, class_=f"bar b{place}"))
        parts.append(tag("text", title, x=at + 16, y=16, class_="legend"))
    return drawing(WIDTH, HEIGHT, label, parts)


def _bars(counts: NDArray[Any], place: int, beside: int, x: Axis, y: Axis) -> list[Html]:
    """Draw one path for all bars: hundreds of rectangles would make a heavy page."""
    wide = 0.8 / beside
    path = []
    for index, count in enumerate(counts.tolist()):
        if count:
            left, right = x(index + 0.1 + wide * place), x(index + 0.1 + wide * (place + 1))
            path.append(f"M{left:.1f} {y.start:.1f}V{y(count):.1f}H{right:.1f}V{y.start:.1f}z")
    return [tag("path", d="".join(path), class_=f"bar b{place}")]


def _names(names: Sequence[str], x: Axis, floor: float, plain: bool) -> list[Html]:
    every = -(-len(names) // _NAMED)
    parts = []
    for index in range(0, len(names), every):
        at = x(index + 0.5)
        if plain:
            parts.append(tag("text", names[index], x=at, y=floor + 16, text_anchor="middle"))
        else:
            text = [tag("title", names[index]), shortened(names[index], 10)]
            turned = f"translate({at + 4:.1f} {floor + 10:.1f}) rotate(-40)"
            parts.append(tag("text", *text, transform=turned, text_anchor="end"))
    return parts
