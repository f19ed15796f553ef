"""The picture of an affinity: who gains by whom, in the order of the best grouping, and what gains cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..comparison.verdicts import signed
from ..report.charts import Axis, axis_over, drawing, frame
from ..report.markup import Html, tag
from ..report.numbers import shortened

STYLE = """
.affinity { max-width: 68rem; }
.affinity .none { fill: var(--grid); }
.affinity .up { fill: var(--accent); }
.affinity .down { fill: var(--second); }
.chart.affinity .value { fill: var(--ink); font-size: 12px; font-weight: 600; }
.affinity .together { fill: none; stroke: var(--ink); stroke-width: 2.5; }
.affinity .front { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-dasharray: 6 4; }
.affinity .budget { stroke: var(--poor); stroke-width: 1.4; stroke-dasharray: 3 3; }
.affinity .spot { fill: var(--card); stroke: var(--muted); stroke-width: 1.6; }
.affinity .best { fill: var(--good); stroke: var(--good); }
.affinity .whole { stroke: var(--muted); stroke-width: 1.4; }
"""
_ALONE = """svg { background: #fff; font: 13px system-ui, sans-serif; --card: #fff; --ink: #1b2130;
  --muted: #566072; --grid: #e9ecf1; --accent: #3557d6; --second: #a8480a; --good: #14703c; --poor: #a3231b; }
text { fill: var(--muted); font-size: 12px; } .title, .legend { fill: var(--ink); }
.grid { stroke: var(--grid); } .axis { fill: none; stroke: var(--muted); }
"""
_SIDE, _TOP = 54.0, 44.0
_LETTER = 6.9
_NAME = 16
"""Longer names of tasks are cut; titles have them whole."""


def picture(results: Mapping[str, Any]) -> Html:
    """Return the picture as inline SVG: the matrix of pairs, and the groupings over their price."""
    order = _order(results)
    margin = 16 + _LETTER * max(len(shortened(task, _NAME)) for task in order)
    size = _SIDE * len(order)
    left = margin + size + 90
    width, height = left + 430.0, max(_TOP + margin + size + 40, 330.0)
    parts = [
        tag("g", *_matrix(results, order, size), transform=f"translate({margin:.1f} {_TOP + margin:.1f})"),
        tag("text", "gain of the column's task by training with the row's, %", x=4, y=16, class_="legend"),
        *_groupings(results, left, width, height),
    ]
    best = results["rankings"]["gain"]["best"]
    label = f"Gains of pairs of tasks, and of groupings over price; best: {best['name'] if best else 'none'}"
    return Html(drawing(width, height, label, parts).replace('class="chart"', 'class="chart affinity"', 1))


def standalone(image: Html) -> str:
    """Return a drawing as a file of its own: with its style and the name space that SVG has in a file."""
    style = tag("style", Html(_ALONE + STYLE))
    opened, _, rest = image.partition(">")
    named = opened.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{named}>{style}{rest}\n"


def _order(results: Mapping[str, Any]) -> list[str]:
    best = results["rankings"]["gain"]["best"]
    return list(results["tasks"]) if best is None else [task for group in best["groups"] for task in group]


def _matrix(results: Mapping[str, Any], order: Sequence[str], size: float) -> list[Html]:
    known = {}
    for pair in results["pairs"]:
        first, second = pair["tasks"]
        for helped, by in ((first, second), (second, first)):
            known[by, helped] = None if pair["gain"] is None else pair["gain"][helped]
    largest = max((abs(value) for value in known.values() if value is not None), default=1.0) or 1.0
    parts = []
    for row, by in enumerate(order):
        name = [tag("title", by), shortened(by, _NAME)]
        middle = (row + 0.5) * _SIDE + 4
        parts.append(tag("text", *name, x=-8, y=middle, text_anchor="end", class_="legend"))
        parts.append(tag("text", *name, transform=f"translate({middle:.1f} -8) rotate(-90)", class_="legend"))
        for column, helped in enumerate(order):
            parts += _cell(by, helped, known.get((by, helped)), (column * _SIDE, row * _SIDE), largest)
    best = results["rankings"]["gain"]["best"]
    start = 0
    for group in best["groups"] if best else ():
        at, side = start * _SIDE, len(group) * _SIDE
        parts.append(tag("rect", x=at, y=at, width=side, height=side, class_="together"))
        start += len(group)
    return parts


def _cell(by: str, helped: str, value: float | None, at: tuple[float, float], largest: float) -> list[Html]:
    x, y = at
    box = {"x": x + 1, "y": y + 1, "width": _SIDE - 2, "height": _SIDE - 2}
    if by == helped:
        return [tag("rect", **box, class_="none")]
    if value is None:
        return [tag("rect", tag("title", f"{helped} with {by}: not known"), **box, class_="none")]
    told = f"{helped} gains {signed(value, 100)} % by training with {by}"
    shade = 0.08 + 0.5 * abs(value) / largest
    kind, middle = "up" if value >= 0 else "down", (x + _SIDE / 2, y + _SIDE / 2)
    return [
        tag("rect", tag("title", told), **box, fill_opacity=shade, class_=kind),
        tag("text", signed(value, 100), x=middle[0], y=middle[1] + 4, text_anchor="middle", class_="value"),
    ]


def _groupings(results: Mapping[str, Any], left: float, width: float, height: float) -> list[Html]:
    """Return the groupings that are kept, over their price, with the front and the budget."""
    ranking, budget = results["rankings"]["gain"], results["budget"]
    measure = "multiply_adds" if budget["parameters"] is None and budget["multiply_adds"] else "parameters"
    edge = ranking["front"][measure]
    kept = {one["name"]: one for one in (*ranking["first"], *ranking["ends"], *edge)}
    if not kept:
        return [tag("text", "no grouping is known", x=left, y=_TOP, class_="legend")]
    limit = budget[measure]
    prices = [one[measure] / 1000 for one in kept.values()] + ([limit / 1000] if limit else [])
    heights = [0.0, *(one["gain"] for one in kept.values())]
    best = ranking["best"]
    if best and best["interval"]:
        heights += best["interval"]
    x = axis_over(min(prices), max(prices), left, width - 16)
    y = axis_over(min(heights), max(heights), height - 44, _TOP)
    title = f"{measure.replace('_', '-')} of all models together, thousands"
    parts = [
        frame(x, y, title),
        tag("text", "mean gain over single-task, %", x=left - 40, y=16, class_="legend"),
    ]
    if limit:
        at = x(limit / 1000)
        parts.append(
            tag("line", tag("title", "the budget"), x1=at, x2=at, y1=y.start, y2=y.end, class_="budget")
        )
        parts.append(tag("text", "budget", x=at - 5, y=y.end + 10, text_anchor="end"))
    steps = [(x(one[measure] / 1000), y(one["gain"])) for one in edge]
    path = "".join(f"H{across:.1f}V{up:.1f}" for across, up in steps[1:])
    parts.append(tag("path", d=f"M{steps[0][0]:.1f} {steps[0][1]:.1f}{path}", class_="front"))
    parts += [_spot(one, x, y, measure, one == best) for one in kept.values() if one != best]
    return parts + ([_spot(best, x, y, measure, True)] if best else [])


def _spot(one: Mapping[str, Any], x: Axis, y: Axis, measure: str, best: bool) -> Html:
    at, up = x(one[measure] / 1000), y(one["gain"])
    told = tag("title", f"{one['name']}: {signed(one['gain'], 100)} %, {one[measure]:,}")
    if not best:
        return tag("g", told, tag("circle", cx=at, cy=up, r=4.5, class_="spot"))
    parts = [told]
    if one["interval"]:
        low, high = (y(bound) for bound in one["interval"])
        parts.append(tag("line", x1=at, x2=at, y1=low, y2=high, class_="whole"))
    parts.append(
        tag("path", d=f"M{at:.1f} {up - 8:.1f}L{at + 7:.1f} {up + 5:.1f}H{at - 7:.1f}Z", class_="best")
    )
    late = at > (x.start + x.end) / 2
    text = tag("text", "best", x=at + (-11 if late else 11), y=up - 8, text_anchor="end" if late else "start",
               class_="legend")  # fmt: skip
    return tag("g", *parts, text)
