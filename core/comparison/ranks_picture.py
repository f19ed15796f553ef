"""The diagram of critical differences (Demsar 2006): mean ranks, and bars over what does not differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.charts import drawing
from ..report.markup import Html, tag

_STYLE = """svg { background: #fff; font: 13px system-ui, sans-serif; }
text { fill: #1b2130; font-size: 13px; } line, path { stroke: #1b2130; fill: none; }
.clique { stroke: #3557d6; stroke-width: 5; stroke-linecap: round; }
"""
_ROW, _TOP, _LETTER = 24.0, 74.0, 7.2


def diagram(found: Mapping[str, Any]) -> str:
    """Return the diagram as an SVG file; the best method is to the left, on rank 1."""
    order = sorted(found["mean_ranks"].items(), key=lambda item: item[1])
    half = (len(order) + 1) // 2
    side = 30 + _LETTER * (max(len(name) for name, _ in order) + 6)
    left, right = side, side + 420.0
    ends = (1.0, float(len(order)))

    def x(rank: float) -> float:
        return left + (rank - ends[0]) / (ends[1] - ends[0]) * (right - left)

    bars = len(found["not_different"])
    below = _TOP + 12 + 10 * bars
    parts = [tag("line", x1=left, x2=right, y1=_TOP, y2=_TOP)]
    for rank in range(1, len(order) + 1):
        parts.append(tag("line", x1=x(rank), x2=x(rank), y1=_TOP - 6, y2=_TOP))
        parts.append(tag("text", str(rank), x=x(rank), y=_TOP - 12, text_anchor="middle"))
    wide = min(found["critical_difference"], ends[1] - ends[0])
    parts.append(tag("path", d=f"M{x(1):.1f} 22V30H{x(1 + wide):.1f}V22"))
    parts.append(tag("text", f"critical difference {found['critical_difference']:.2f}", x=x(1), y=16))
    for row, (name, rank) in enumerate(order):
        parts += _method(name, rank, x(rank), row, half, below, (left, right))
    for number, group in enumerate(found["not_different"]):
        spread = [x(found["mean_ranks"][name]) for name in group]
        y = _TOP + 10 + 10 * number
        ends_of = {"x1": min(spread) - 4, "x2": max(spread) + 4, "y1": y, "y2": y}
        parts.append(
            tag("line", tag("title", f"not different: {', '.join(group)}"), **ends_of, class_="clique")
        )
    height = below + _ROW * (half + 1)
    label = f"Mean ranks of {len(order)} methods on {len(found['ranks'])} data sets"
    image = drawing(right + side, height, label, [tag("style", Html(_STYLE)), *parts])
    return image.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1) + "\n"


def _method(
    name: str, rank: float, at: float, row: int, half: int, below: float, ends: tuple[float, float]
) -> list[Html]:
    """Return a method's name beside the axis, with the line that leads from its rank to it."""
    first = row < half
    place = row if first else 2 * half - 1 - row
    y = below + _ROW * (place + 1) - 6
    edge = ends[0] - 8 if first else ends[1] + 8
    text = f"{name}  {rank:.2f}" if first else f"{rank:.2f}  {name}"
    return [
        tag("path", d=f"M{at:.1f} {_TOP}V{y:.1f}H{edge:.1f}"),
        tag("text", text, x=edge + (-4 if first else 4), y=y + 4, text_anchor="end" if first else "start"),
    ]
