"""A small table of numbers, shaded by how large they are beside each other."""

from __future__ import annotations

from math import isfinite

from ..contracts import LearnedTable
from .markup import Html, tag
from .numbers import ABSENT

SHADE = (
    "The stronger the shade, the larger the number beside the others of its table; negative numbers have "
    "another colour and a dashed line."
)


def shaded(table: LearnedTable) -> Html:
    """Return the table as a figure; a number that is not finite has no shade."""
    sizes = (abs(value) for row in table.values for value in row if isfinite(value))
    largest = max(sizes, default=0.0) or 1.0
    head = tag("tr", tag("td"), *(tag("th", name, scope="col") for name in table.columns))
    body = [
        tag("tr", tag("th", name, scope="row"), *(_cell(value, largest) for value in row))
        for name, row in zip(table.rows, table.values, strict=True)
    ]
    drawn = tag("table", tag("caption", table.meaning), tag("thead", head), tag("tbody", *body))
    scrolled = tag("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=table.title)
    return tag("figure", tag("figcaption", table.title), scrolled, class_="card share")


def _cell(value: float, largest: float) -> Html:
    """Return a cell shaded by its share; the number is there for those who see no shade."""
    if not isfinite(value):
        return tag("td", ABSENT, class_="number", style="--share: 0")
    sign = "number minus" if value < 0 else "number"
    return tag("td", f"{value:.3f}", class_=sign, style=f"--share: {abs(value) / largest:.3f}")
