"""Points of several groups on a plane, each group in a colour of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from .charts import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Point, axis_over, drawing, frame
from .markup import Html, tag

_TOP = 30.0


def plane(groups: Mapping[str, Sequence[Point]], *, label: str, x_title: str, y_title: str) -> Html:
    """Return points, with the name of each group at its middle; the axes need not be equal."""
    finite = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in groups.items()}
    everything = [point for points in finite.values() for point in points]
    if not everything:
        return tag("p", "No finite values.", class_="note")
    xs, ys = zip(*everything, strict=True)
    x = axis_over(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    y = axis_over(min(ys), max(ys), HEIGHT - BOTTOM, _TOP)
    parts = [frame(x, y, x_title), tag("text", y_title, x=LEFT - 8, y=16, class_="legend")]
    names = []
    for position, (name, points) in enumerate(finite.items()):
        colour = f"hsl({360 * position // len(finite)} 65% 48%)"
        dots = [tag("circle", cx=x(across), cy=y(up), r=2.2) for across, up in points]
        parts.append(tag("g", *dots, fill=colour, fill_opacity=0.6))
        if points:
            across, up = (median(column) for column in zip(*points, strict=True))
            names.append(tag("text", name, x=x(across), y=y(up), text_anchor="middle", class_="group"))
    return drawing(WIDTH, HEIGHT, label, [*parts, *names])
