"""Pictures below each other: one column per sample, one row per kind of picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .markup import Html, join, tag
from .pixels import Bytes, picture


class Row(NamedTuple):
    """One picture `[C, H, W]` of each sample, with a line of text below it where there is one."""

    title: str
    images: Bytes
    below: Sequence[str | None] | None = None


def picture_rows(task: str, rows: Sequence[Row], limit: int) -> Html:
    """Return a table of pictures whose longest side has at most `limit` pixels."""
    count = len(rows[0].images)
    header = tag("tr", tag("td", ""), *(tag("th", str(index + 1), scope="col") for index in range(count)))
    caption = tag("caption", f"{count} test samples of {task}")
    body = (_row(row, limit) for row in rows)
    grid = tag("table", caption, tag("thead", header), tag("tbody", *body), class_="pictures")
    return tag("div", grid, class_="scroll", tabindex=0, role="region", aria_label=f"Pictures of {task}")


def _row(row: Row, limit: int) -> Html:
    cells = []
    for index, (image, text) in enumerate(
        zip(row.images, row.below or [None] * len(row.images), strict=True)
    ):
        alt = f"sample {index + 1}, {row.title}" + (f", {text}" if text else "")
        shown = picture(image, alt=alt, limit=limit)
        cells.append(tag("td", shown if text is None else join([shown, tag("span", text)])))
    return tag("tr", tag("th", row.title, scope="row"), *cells)
