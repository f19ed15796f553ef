"""How each named number of an answer does: a row per attribute or value."""

from __future__ import annotations

from collections.abc import Sequence

from .markup import Html, folded, table
from .numbers import ABSENT, number


def label_scores(
    task: str,
    metric: str,
    labels: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[float | None]],
) -> Html:
    """Return a table of a metric's own columns; nothing for a table of another size."""
    if [len(row) for row in rows] != [len(columns)] * len(labels):
        return Html()
    lines = [[name, *map(_cell, row)] for name, row in zip(labels, rows, strict=True)]
    header = [f"Of {task}", *(column.capitalize() for column in columns)]
    shown = table(header, lines, caption=f"{metric} of {task}", numeric=tuple(range(1, len(header))))
    return folded(f"The {len(labels)} answers of {task}, one by one", shown)


def _cell(value: float | None) -> str:
    if value is None:
        return ABSENT
    return number(int(value)) if value == int(value) else number(value)
