"""How often each class is true and how often it is answered, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .markup import Html, tag
from .numbers import shortened

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 700.0, 210.0, 46.0, 60.0, 26.0
_NAMED = 24


def class_counts(task: str, names: Sequence[str], rows: Sequence[Sequence[float]]) -> Html:
    """Return a histogram from a table of answers `[K, K]` (row: true class, column: given class)."""
    counts = np.nan_to_num(np.asarray(rows, dtype=np.float64))
    if counts.shape != (len(names), len(names)) or not counts.any():
        return Html()
    true, given = counts.sum(axis=1), counts.sum(axis=0)
    occurring = int((true > 0).sum())
    largest = float(max(true.max(), given.max()))
    said = f"{occurring} of {len(names)} classes occur in the test split"
    parts = [
        *_bars(true, largest, 0, "train"),
        *_bars(given, largest, 1, "validation"),
        tag(
            "g",
            *_labels(names),
            tag("text", f"{largest:g}", x=_LEFT - 6, y=_TOP + 4, text_anchor="end"),
            class_="frame",
        ),
        tag("path", d=f"M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH}", class_="axis"),
        *_legend(),
    ]
    drawing = tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
        aria_label=f"Samples of each class of {task}, and answers: {said}",
        class_="chart bars",
    )
    scrolled = tag(
        "div", drawing, class_="scroll", tabindex=0, role="region", aria_label=f"Classes of {task}"
    )
    return tag("figure", tag("figcaption", f"classes: {said}"), scrolled, class_="card wide")


def _bars(counts: NDArray[Any], largest: float, place: int, style: str) -> list[Html]:
    """Draw one path for all bars: hundreds of rectangles would make a heavy page."""
    slot = (_WIDTH - _LEFT) / len(counts)
    wide, floor = 0.4 * slot, _HEIGHT - _BOTTOM
    path = []
    for index, count in enumerate(counts.tolist()):
        if count:
            high = (floor - _TOP) * count / largest
            start = _LEFT + (index + 0.1 + 0.4 * place) * slot
            path.append(f"M{start:.1f} {floor:.1f}v{-high:.1f}h{wide:.1f}v{high:.1f}z")
    return [tag("path", d="".join(path), class_=f"bar {style}")]


def _labels(names: Sequence[str]) -> list[Html]:
    every, slot = -(-len(names) // _NAMED), (_WIDTH - _LEFT) / len(names)
    parts = []
    for index in range(0, len(names), every):
        x, y = _LEFT + (index + 0.5) * slot, _HEIGHT - _BOTTOM + 12
        text = shortened(names[index], 12)
        parts.append(tag("text", text, transform=f"translate({x:.1f} {y:.1f}) rotate(30)"))
    return parts


def _legend() -> list[Html]:
    return [
        tag("rect", x=_LEFT, y=8, width=12, height=8, class_="bar train"),
        tag("text", "true", x=_LEFT + 16, y=16, class_="legend"),
        tag("rect", x=_LEFT + 60, y=8, width=12, height=8, class_="bar validation"),
        tag("text", "answered", x=_LEFT + 76, y=16, class_="legend"),
    ]
