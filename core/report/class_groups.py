"""Classes whose names differ in numbers only, taken together: errors between kinds, and inside a kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .confusion import confusion
from .markup import Html, table
from .numbers import percent

MOST = 40
"""Largest number of groups that is still an overview."""


def group_errors(task: str, metric: str, names: Sequence[str], rows: Sequence[Sequence[float]]) -> list[Html]:
    """Return a smaller table of answers `[G, G]` and the errors of each group; nothing without groups."""
    counts = np.nan_to_num(np.asarray(rows, dtype=np.float64))
    members = grouped(names)
    if not 2 <= len(members) < min(len(names), MOST + 1) or counts.shape != (len(names), len(names)):
        return []
    belongs = np.zeros((len(names), len(members)))
    for column, indices in enumerate(members.values()):
        belongs[indices, column] = 1.0
    between = belongs.T @ counts @ belongs
    drawn = confusion(task, f"{metric}, numbers left aside", tuple(members), between.tolist())
    return [drawn, _errors(task, members, counts, between)]


def grouped(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of the names that are the same without their numbers, by what is left.

    >>> grouped(["a 1 + b 2", "a 2 + b 1", "c 1"])
    {'a + b': [0, 1], 'c': [2]}
    """
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        rest = " ".join(re.sub(r"[0-9]+", "", name).split())
        members.setdefault(rest, []).append(index)
    return members


def _errors(task: str, members: dict[str, list[int]], counts: NDArray[Any], between: NDArray[Any]) -> Html:
    right = np.diag(counts)
    rows = []
    for place, (name, indices) in enumerate(members.items()):
        total, kind = float(between[place].sum()), float(between[place, place])
        if total:
            exact = float(right[indices].sum())
            rows.append((1 - exact / total, [name, f"{total:g}", f"{total - exact:g}", f"{kind - exact:g}"]))
    rows.sort(key=lambda row: -row[0])
    header = ["Kind", "Samples", "Wrong", "Right kind, wrong number", "Share wrong"]
    return table(
        header,
        [[*cells, percent(share)] for share, cells in rows],
        caption=f"Errors of {task} by kind, most first",
        numeric=(1, 2, 3, 4),
    )
