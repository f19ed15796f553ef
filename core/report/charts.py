"""Line charts and scatter plots as inline SVG, coloured by the page's style sheet.

Written by hand so that class names need no font, no markup language can be hidden in a label, the
same data give the same bytes, and one drawing serves light, dark and paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .markup import Html, tag
from .numbers import number, shortened

WIDTH, HEIGHT = 400.0, 250.0
"""Of every chart: the page shows all of them in one size, so that their letters have one size too."""

SERIES = 8
"""Colours of lines and tasks; each is drawn in its own pattern too, for those who see no colours."""

LEFT, RIGHT, TOP, BOTTOM = 54.0, 14.0, 14.0, 40.0
"""Room around what is drawn, the legend not counted."""

_ROW, _LETTER = 18.0, 7.1
"""Height of a legend's row, and width of a letter."""

_LONGEST = 30
"""Letters of a name in a legend."""

_MARKERS = 40
"""Longer lines have no dots."""

_DECADE = 10.0
"""A range of positive numbers wider than this factor may be drawn on a logarithmic axis."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One line of a chart; `style` is the class that draws it."""

    label: str
    points: Sequence[Point]
    style: str


@dataclass(frozen=True)
class Axis:
    """A range of values, `low` to `high`, laid over a range of the drawing, `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def line_chart(
    series: Sequence[Series],
    *,
    label: str,
    x_title: str,
    mark: tuple[float, str] | None = None,
    logarithmic: bool = False,
    level: float | None = None,
) -> Html:
    """Return lines over whole-numbered x; values that are not finite leave a gap; `mark` is an x to show.

    `logarithmic` says that y may be, where all values are positive and far apart; `level` is a y to show.
    """
    finite = [point for line in series for point in line.points if math.isfinite(point[1])]
    if not finite:
        return tag("p", "No finite values.", class_="note")
    xs, ys = zip(*finite, strict=True)
    legend, rows = _legend(series)
    top = TOP + _ROW * rows
    x = whole_axis(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    shown = (*ys, level) if level is not None else ys
    wide = logarithmic and min(shown) > 0 and max(shown) / min(shown) > _DECADE
    y = (logarithmic_axis if wide else axis_over)(min(shown), max(shown), HEIGHT - BOTTOM, top)
    parts = [frame(x, y, x_title), *legend]
    if level is not None:
        parts.append(tag("line", x1=x.start, x2=x.end, y1=y(level), y2=y(level), class_="level"))
    if mark is not None and x.low <= mark[0] <= x.high:
        parts.append(_mark(x, mark, y))
    for line in series:
        parts += _line(line, x, y)
    return drawing(WIDTH, HEIGHT, label, parts)


def scatter(points: Sequence[Point], *, label: str, x_title: str, y_title: str) -> Html:
    """Return points over axes of one range, and the diagonal, where both values agree."""
    finite = [point for point in points if all(map(math.isfinite, point))]
    if not finite:
        return tag("p", "No finite values.", class_="note")
    values = [value for point in finite for value in point]
    x = axis_over(min(values), max(values), LEFT, WIDTH - RIGHT)
    y = axis_over(min(values), max(values), HEIGHT - BOTTOM, TOP + _ROW)
    diagonal = tag("line", x1=x.start, y1=y.start, x2=x.end, y2=y.end, class_="diagonal")
    dots = [tag("circle", cx=x(across), cy=y(up), r=2.8) for across, up in finite]
    title = tag("text", y_title, x=LEFT - 8, y=16, class_="legend")
    parts = [frame(x, y, x_title), title, diagonal, tag("g", *dots, class_="dots")]
    return drawing(WIDTH, HEIGHT, label, parts)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round values within a range: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def axis_over(low: float, high: float, start: float, end: float) -> Axis:
    """Return an axis that holds the values with a margin."""
    # A flat line needs a range too, and one wide enough for short numbers at its ticks.
    least = max(abs(low), abs(high), 1e-6) * (5e-2 if low == high else 1e-3)
    margin = max((high - low) * 0.05, least)
    low, high = low - margin, high + margin
    return Axis(low, high, start, end, ticks(low, high))


def logarithmic_axis(low: float, high: float, start: float, end: float) -> Axis:
    """Return a logarithmic axis that holds positive values with a margin, with ticks at round numbers.

    >>> logarithmic_axis(0.02, 1.5, 0.0, 100.0).ticks
    [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    """
    margin = (high / low) ** 0.05
    low, high = low / margin, high * margin
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    marks = [float(f"{factor}e{power}") for power in powers for factor in factors]
    inside = [mark for mark in marks if low <= mark <= high]
    return Axis(low, high, start, end, inside[:: -(-len(inside) // 8)], logarithmic=True)


def whole_axis(low: float, high: float, start: float, end: float) -> Axis:
    """Return an axis of whole numbers without a margin, the first of them marked."""
    if low == high:
        return Axis(low - 1, high + 1, start, end, [low])
    step = max(1.0, *(after - before for before, after in pairwise(ticks(low, high, 8))))
    first = math.ceil(low / step)
    marks = [low, *(index * step for index in range(first, math.floor(high / step) + 1))]
    return Axis(
        low, high, start, end, sorted({mark for mark in marks if mark == low or mark - low >= step / 2})
    )


def frame(x: Axis, y: Axis, x_title: str) -> Html:
    """Return both axes with their ticks, and the grid of `y`."""
    bottom, top = y.start, y.end
    parts = []
    for value in y.ticks:
        parts.append(tag("line", x1=x.start, x2=x.end, y1=y(value), y2=y(value), class_="grid"))
        parts.append(tag("text", _tick(value, y), x=x.start - 6, y=y(value) + 3.5, text_anchor="end"))
    for value in x.ticks:
        parts.append(tag("line", x1=x(value), x2=x(value), y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(tag("text", _tick(value, x), x=x(value), y=bottom + 16, text_anchor="middle"))
    parts.append(tag("path", d=f"M{x.start:.1f} {top:.1f}V{bottom:.1f}H{x.end:.1f}", class_="axis"))
    middle = (x.start + x.end) / 2
    parts.append(tag("text", x_title, x=middle, y=bottom + 34, text_anchor="middle", class_="title"))
    return tag("g", *parts, class_="frame")


def _tick(value: float, axis: Axis) -> str:
    size = max(abs(mark) for mark in axis.ticks)
    if axis.logarithmic or (size and (size >= 1e5 or size < 1e-3)):
        return f"{value:.3g}"
    step = min((after - before for before, after in pairwise(axis.ticks)), default=1.0)
    return f"{value:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f}"


def _legend(series: Sequence[Series]) -> tuple[list[Html], int]:
    """Return the names of lines with a piece of each, and how many rows they take."""
    parts, at, row = [], LEFT, 0
    for line in series:
        name = shortened(line.label, _LONGEST)
        width = 42 + _LETTER * len(name)
        if at > LEFT and at + width - 12 > WIDTH:
            at, row = LEFT, row + 1
        y = 12 + _ROW * row
        parts.append(tag("line", x1=at, x2=at + 20, y1=y, y2=y, class_=f"line {line.style}"))
        parts.append(tag("text", name, x=at + 25, y=y + 4, class_="legend"))
        at += width
    return parts, row + 1


def _mark(x: Axis, mark: tuple[float, str], y: Axis) -> Html:
    at, text = x(mark[0]), mark[1]
    late = at > (x.start + x.end) / 2
    return tag(
        "g",
        tag("line", x1=at, x2=at, y1=y.end, y2=y.start),
        tag("text", text, x=at + (-5 if late else 5), y=y.end + 4, text_anchor="end" if late else "start"),
        class_="mark",
    )


def _line(line: Series, x: Axis, y: Axis) -> list[Html]:
    path, gap = [], True
    for across, up in line.points:
        if math.isfinite(up):
            path.append(f"{'M' if gap else 'L'}{x(across):.1f} {y(up):.1f}")
        gap = not math.isfinite(up)
    parts = [tag("path", d="".join(path), class_=f"line {line.style}")]
    if len(line.points) <= _MARKERS:
        parts += [
            tag(
                "circle",
                tag("title", f"{line.label}, {across:g}: {number(up)}"),
                cx=x(across),
                cy=y(up),
                r=2.6,
                class_=f"dot {line.style}",
            )
            for across, up in line.points
            if math.isfinite(up)
        ]
    return parts


def drawing(width: float, height: float, label: str, parts: Sequence[str]) -> Html:
    """Return an SVG image of that size whose content is told by `label` to those who cannot see it."""
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        class_="chart",
    )
