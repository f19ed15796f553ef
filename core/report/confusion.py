"""A table of true and given classes as a heat map, readable up to some 135 classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .markup import Html, join, table, tag
from .numbers import percent, shortened
from .pixels import png_address

ANNOTATED = 20
"""Largest table whose cells show their number."""

_LABELS, _SIDE, _LETTER = 34, 640.0, 6.4
_LONGEST = 20
_SHADE = (
    "Shade: the share of a true class that was given this answer, on a square-root scale so that rare "
    "mistakes show."
)
_ACCENT = (79, 110, 247)


def confusion(task: str, metric: str, names: Sequence[str], rows: Sequence[Sequence[float]]) -> Html:
    """Return a heat map of a table `[K, K]` (row: true class, column: given class) and its largest errors.

    A table of another size than the classes is labelled by position.
    """
    counts = np.nan_to_num(np.asarray(rows, dtype=np.float64))
    if counts.shape != (len(names), len(names)):
        names = tuple(str(index) for index in range(max(counts.shape)))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    heat = tag(
        "div",
        _map(task, names, counts, shares),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=f"{metric} of {task}",
    )
    return tag(
        "figure",
        tag("figcaption", f"{metric}: {len(counts)} classes"),
        tag("div", heat, _mistakes(task, names, counts, shares), class_="beside"),
        tag("p", _SHADE, class_="note"),
        class_="card wide",
    )


def _map(task: str, names: Sequence[str], counts: NDArray[Any], shares: NDArray[Any]) -> Html:
    rows, columns = counts.shape
    side = min(44.0, _SIDE / max(rows, columns))
    margin = 34 + _LETTER * max((len(shortened(name, _LONGEST)) for name in names), default=1)
    cells = (
        _numbered(counts, shares, names, side) if max(rows, columns) <= ANNOTATED else _shaded(shares, side)
    )
    right = float(np.trace(counts)) / max(1.0, float(counts.sum()))
    width, height = margin + columns * side + 8, margin + rows * side + 8
    inner = tag(
        "g",
        *cells,
        tag("rect", x=0, y=0, width=columns * side, height=rows * side, class_="border"),
        *_labels(names, rows, columns, side),
        tag("text", "given class", x=columns * side / 2, y=12 - margin, text_anchor="middle", class_="title"),
        tag(
            "text", "true class", x=-rows * side / 2, y=12 - margin, text_anchor="middle", class_="title",
            transform="rotate(-90)",
        ),
        transform=f"translate({margin:.1f} {margin:.1f})",
    )  # fmt: skip
    return tag(
        "svg",
        inner,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=width,
        height=height,
        role="img",
        aria_label=f"Answers of {task} by true and given class; {percent(right)} lie on the diagonal",
        class_="chart heat",
    )


def _numbered(counts: NDArray[Any], shares: NDArray[Any], names: Sequence[str], side: float) -> list[Html]:
    cells = []
    for row, column in np.argwhere(counts).tolist():
        count = float(counts[row, column])
        shade = math.sqrt(shares[row, column])
        share = percent(float(shares[row, column]))
        title = f"{names[row]} answered as {names[column]}: {count:g} ({share})"
        x, y = column * side, row * side
        box = tag("rect", tag("title", title), x=x, y=y, width=side, height=side, fill_opacity=shade)
        text = tag(
            "text",
            f"{count:g}",
            x=x + side / 2,
            y=y + side / 2 + 3.5,
            text_anchor="middle",
            class_="on-dark" if shade > 0.6 else None,
        )
        cells.append(join([box, text]))
    return cells


def _shaded(shares: NDArray[Any], side: float) -> list[Html]:
    """Draw the cells as one picture: thousands of rectangles would be slow."""
    pixels = np.empty((*shares.shape, 4), dtype=np.uint8)
    pixels[..., :3] = _ACCENT
    pixels[..., 3] = np.rint(255 * np.sqrt(shares))
    address = png_address(Image.fromarray(pixels, "RGBA"))
    rows, columns = shares.shape
    drawn = tag(
        "image",
        href=address,
        width=columns * side,
        height=rows * side,
        preserveAspectRatio="none",
        class_="pixels",
    )
    return [drawn]


def _labels(names: Sequence[str], rows: int, columns: int, side: float) -> list[Html]:
    """Return row and column labels; of many classes every second, third ... one is named."""
    every = math.ceil(max(rows, columns) / _LABELS)
    parts = []
    for index in range(0, max(rows, columns), every):
        middle = (index + 0.5) * side + 3.5
        name = [tag("title", names[index]), shortened(names[index], _LONGEST)]
        if index < rows:
            parts.append(tag("text", *name, x=-5, y=middle, text_anchor="end"))
        if index < columns:
            parts.append(tag("text", *name, transform=f"translate({middle:.1f} -5) rotate(-90)"))
    return parts


def _mistakes(task: str, names: Sequence[str], counts: NDArray[Any], shares: NDArray[Any]) -> Html:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:10]
    places = [divmod(int(place), counts.shape[1]) for place in order]
    rows = [
        [names[row], names[column], f"{counts[row, column]:g}", percent(float(shares[row, column]))]
        for row, column in places
        if wrong[row, column] > 0
    ]
    if not rows:
        return tag("p", "No mistakes.", class_="note")
    header = ["True class", "Given class", "Samples", "Share of the true class"]
    return table(header, rows, caption=f"Most frequent mistakes of {task}", numeric=(2, 3))
