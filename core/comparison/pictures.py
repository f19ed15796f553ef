"""The pictures of a comparison as inline SVG: curves with their range, intervals, and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..report.charts import Axis, axis_over, drawing, frame, whole_axis
from ..report.markup import Html, tag
from ..report.numbers import number, shortened

Points = Sequence[Mapping[str, Any]]
_LABEL = 36
"""Longer names are cut in a picture; its title has them whole."""


@dataclass(frozen=True)
class Band:
    """A line of means with the range over seeds around it; `style` is the class that draws it."""

    label: str
    points: Points
    style: str


def span(bands: Sequence[Band]) -> tuple[float, float, float, float]:
    """Return the epochs and the values that several charts need to be drawn on the same axes."""
    points = [point for band in bands for point in band.points]
    epochs = [point["epoch"] for point in points]
    return min(epochs), max(epochs), min(p["low"] for p in points), max(p["high"] for p in points)


def band_chart(
    title: str,
    bands: Sequence[Band],
    over: tuple[float, float, float, float],
    *,
    label: str,
    zero: bool = False,
) -> Html:
    """Return a small chart; `over` is the `span` of all charts beside it, `zero` draws a line there."""
    width, height = 264.0, 176.0
    x = whole_axis(over[0], over[1], 46, width - 10)
    y = axis_over(over[2], over[3], height - 38, 12)
    parts = [frame(x, y, "epoch")]
    if zero and y.low < 0 < y.high:
        parts.append(tag("line", x1=x.start, x2=x.end, y1=y(0), y2=y(0), class_="zero"))
    for band in bands:
        parts += _band(band, x, y)
    return tag("figure", tag("figcaption", title), drawing(width, height, label, parts), class_="card panel")


def _band(band: Band, x: Axis, y: Axis) -> list[Html]:
    points = [(x(point["epoch"]), point) for point in band.points]
    upper = [f"{at:.1f} {y(point['high']):.1f}" for at, point in points]
    lower = [f"{at:.1f} {y(point['low']):.1f}" for at, point in reversed(points)]
    line = [f"{at:.1f} {y(point['mean']):.1f}" for at, point in points]
    parts = []
    if len(points) > 1:
        parts.append(tag("path", d=f"M{'L'.join([*upper, *lower])}Z", class_=f"band {band.style}"))
        parts.append(tag("path", d=f"M{'L'.join(line)}", class_=f"line {band.style}"))
    shown = points if len(points) <= 30 else points[-1:]
    for at, point in shown:
        told = f"{band.label}, epoch {point['epoch']}: {number(point['mean'])}"
        told += f" ({number(point['low'])} to {number(point['high'])}, {point['n']} seeds)"
        dot = tag("circle", tag("title", told), cx=at, cy=y(point["mean"]), r=2.2, class_=f"dot {band.style}")
        if len(points) == 1:
            ends = {"x1": at, "x2": at, "y1": y(point["low"]), "y2": y(point["high"])}
            parts.append(tag("line", **ends, class_=f"line {band.style}"))
        parts.append(dot)
    return parts


@dataclass(frozen=True)
class Gain:
    """One row of a forest plot; `kind` is the class of the verdict."""

    label: str
    mean: float
    interval: tuple[float, float] | None
    kind: str


def forest(gains: Sequence[Gain], *, label: str, x_title: str) -> Html:
    """Return intervals one below the other with the line of no difference; better is to the right."""
    longest = min(_LABEL, max(len(gain.label) for gain in gains))
    row, left, right = 26.0, 24.0 + 6.7 * longest, 20.0
    width = left + 440.0
    bounds = [bound for gain in gains for bound in (*(gain.interval or ()), gain.mean, 0.0)]
    bottom = 14 + row * len(gains)
    height = bottom + 40
    x = axis_over(min(bounds), max(bounds), left, width - right)
    y = Axis(0, 1, bottom, 8, ())
    parts = [frame(x, y, x_title)]
    parts += [tag("line", x1=x(tick), x2=x(tick), y1=8, y2=bottom, class_="grid") for tick in x.ticks]
    parts.append(tag("line", x1=x(0), x2=x(0), y1=8, y2=bottom, class_="zero"))
    for index, gain in enumerate(gains):
        parts.append(_gain(gain, x, 8 + row * (index + 0.5), left))
    return drawing(width, height, label, parts)


def _gain(gain: Gain, x: Axis, y: float, left: float) -> Html:
    told = f"{gain.label}: {gain.mean:+.4g}"
    parts = [
        tag("text", shortened(gain.label, _LABEL), x=left - 10, y=y + 4, text_anchor="end", class_="legend")
    ]
    if gain.interval is not None:
        low, high = (x(bound) for bound in gain.interval)
        told += f", 95 % interval {gain.interval[0]:+.4g} to {gain.interval[1]:+.4g}"
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, class_="whole"))
        parts += [tag("line", x1=end, x2=end, y1=y - 4, y2=y + 4, class_="whole") for end in (low, high)]
    parts.append(_mark(gain.kind, x(gain.mean), y))
    return tag("g", tag("title", told), *parts, class_=f"gain {gain.kind}")


def _mark(kind: str, x: float, y: float) -> Html:
    """Return a shape that tells the verdict without colour: up for better, down for worse, round for open."""
    if kind == "good":
        return tag("path", d=f"M{x:.1f} {y - 7:.1f}L{x + 6.5:.1f} {y + 5:.1f}H{x - 6.5:.1f}Z", class_="point")
    if kind == "poor":
        return tag("path", d=f"M{x:.1f} {y + 7:.1f}L{x + 6.5:.1f} {y - 5:.1f}H{x - 6.5:.1f}Z", class_="point")
    return tag("circle", cx=x, cy=y, r=4.5, class_="point")


@dataclass(frozen=True)
class Spot:
    """A variant in the plane of two tasks, with standard deviations; `kind` is the class that draws it."""

    label: str
    mark: str
    at: tuple[float, float]
    spread: tuple[float, float]
    kind: str


def plane(
    spots: Sequence[Spot], front: Sequence[tuple[float, float]], *, label: str, titles: tuple[str, str],
    reversed_: tuple[bool, bool],
) -> Html:  # fmt: skip
    """Return variants in the plane of two tasks and the front of those that nothing beats on both.

    An axis on which less is better is reversed, so that better is always up and to the right.
    """
    size = 440.0
    ends = [
        (
            min(spot.at[way] - spot.spread[way] for spot in spots),
            max(spot.at[way] + spot.spread[way] for spot in spots),
        )
        for way in (0, 1)
    ]
    across = (size - 16, 62.0) if reversed_[0] else (62.0, size - 16)
    up = (34.0, size - 44) if reversed_[1] else (size - 44, 34.0)
    x, y = axis_over(*ends[0], *across), axis_over(*ends[1], *up)
    parts = [_frame(x, y, titles)]
    steps = sorted((x(a), y(b)) for a, b in front)
    if len(steps) > 1:
        path = f"M{steps[0][0]:.1f} {steps[0][1]:.1f}" + "".join(
            f"V{after[1]:.1f}H{after[0]:.1f}" for after in steps[1:]
        )
        parts.append(tag("path", d=path, class_="front"))
    parts += [_spot(spot, x, y) for spot in spots]
    return drawing(size, size, label, parts)


def _frame(x: Axis, y: Axis, titles: tuple[str, str]) -> Html:
    """Return the frame with its corner at the lower left, whichever way the axes run."""
    left, right = sorted((x.start, x.end))
    top, bottom = sorted((y.start, y.end))
    parts = [tag("path", d=f"M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}", class_="axis")]
    for value in y.ticks:
        parts.append(tag("line", x1=left, x2=right, y1=y(value), y2=y(value), class_="grid"))
        parts.append(tag("text", f"{value:.4g}", x=left - 6, y=y(value) + 3.5, text_anchor="end"))
    for value in x.ticks:
        parts.append(tag("text", f"{value:.4g}", x=x(value), y=bottom + 16, text_anchor="middle"))
    parts.append(tag("text", f"{titles[0]} (better: right)", x=(left + right) / 2, y=bottom + 34,
                     text_anchor="middle", class_="title"))  # fmt: skip
    parts.append(tag("text", f"{titles[1]} (better: up)", x=8, y=18, class_="legend"))
    return tag("g", *parts, class_="frame")


def _spot(spot: Spot, x: Axis, y: Axis) -> Html:
    across, up = x(spot.at[0]), y(spot.at[1])
    wide, high = (
        abs(axis(at + spread) - axis(at))
        for axis, at, spread in zip((x, y), spot.at, spot.spread, strict=True)
    )
    return tag(
        "g",
        tag("title", f"{spot.label}: {number(spot.at[0])}, {number(spot.at[1])}"),
        tag("line", x1=across - wide, x2=across + wide, y1=up, y2=up),
        tag("line", x1=across, x2=across, y1=up - high, y2=up + high),
        tag("circle", cx=across, cy=up, r=9),
        tag("text", spot.mark, x=across, y=up + 4, text_anchor="middle"),
        class_=f"spot {spot.kind}",
    )
