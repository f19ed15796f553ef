"""The page of several runs: what differs, what they reached beside the constant answer, their curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..folders.differing import Differing, Values
from .charts import SERIES, Series, line_chart
from .frame import Section, framed
from .markup import Html, join, table, tag
from .numbers import ABSENT, number

Rows = Sequence[Mapping[str, float]]
_CURVES = ("validation/", "cosine/", "weight/")
"""What is drawn of a history: columns that begin so."""


def side_by_side(found: Differing, histories: Sequence[Rows]) -> Html:
    """Return the whole page; `histories` are the rows of each run's epochs, if it has any."""
    names = list(found.names)
    header = tag(
        "header",
        tag("p", "mtl: runs side by side", class_="kicker"),
        tag("h1", " · ".join(names)),
        tag(
            "p", "One training each: a difference may be luck. mtl compare says what is more.", class_="lead"
        ),
    )
    parts = [Section("recipe", "What differs", _recipe(names, found.recipe))]
    if found.test:
        parts.append(Section("test", "On the test split", _test(names, found)))
    if charts := _charts(names, histories):
        parts.append(Section("curves", "Curves", tag("div", *charts, class_="charts")))
    return framed(f"mtl runs: {', '.join(names)}", header, parts)


def _recipe(names: Sequence[str], values: Values) -> Html:
    if not values:
        return tag("p", "The recipes are the same.", class_="note")
    rows = [[key, *map(_text, each)] for key, each in values.items()]
    return table(["option", *names], rows, caption="Options that differ")


def _test(names: Sequence[str], found: Differing) -> Html:
    rows = [
        [key, *(_beside(value, answer) for value, answer in zip(values, _answers(found, key), strict=True))]
        for key, values in found.test.items()
    ]
    told = tag("p", "In brackets, what a constant answer reaches.", class_="note")
    return join(
        [told, table(["metric", *names], rows, caption="Test metrics", numeric=range(1, len(names) + 1))]
    )


def _answers(found: Differing, key: str) -> Sequence[float | None]:
    return found.baseline.get(key, [None] * len(found.names))


def _beside(value: float | None, baseline: float | None) -> str:
    if value is None:
        return ABSENT
    return number(value) if baseline is None else f"{number(value)} ({number(baseline)})"


def _charts(names: Sequence[str], histories: Sequence[Rows]) -> list[Html]:
    """Return a chart for every column that a history has, with a line per run; a run keeps its colour."""
    known = dict.fromkeys(key for rows in histories for row in rows for key in row)
    columns = [key for start in _CURVES for key in known if key.startswith(start)]
    return [_chart(key, names, histories) for key in columns]


def _chart(key: str, names: Sequence[str], histories: Sequence[Rows]) -> Html:
    lines = [
        Series(name, [(row["epoch"], row[key]) for row in rows if key in row], f"s{place % SERIES}")
        for place, (name, rows) in enumerate(zip(names, histories, strict=True))
        if any(key in row for row in rows)
    ]
    last = "; ".join(f"{line.label} {number(line.points[-1][1])}" for line in lines)
    drawn = line_chart(lines, label=f"{key} by epoch, at the end: {last}", x_title="epoch")
    return tag("figure", tag("figcaption", key), drawn, class_="card")


def _text(value: Any) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else json.dumps(value, default=str)
