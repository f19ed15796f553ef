"""The sections of a comparison's page with every training and with how verdicts come about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.markup import Html, folded, pairs, table, tag
from ..report.numbers import ABSENT, duration, listed, number

Results = Mapping[str, Any]
Part = tuple[str, str, Html] | None


def every_training(results: Results) -> Part:
    """Return the section with a row per training."""
    rows = []
    for cell in results["cells"]:
        values = [
            number(cell["metrics"][task].get(judge["metric"])) if task in cell["metrics"] else ABSENT
            for task, judge in results["tasks"].items()
        ]
        seconds = ABSENT if cell["seconds"] is None else duration(cell["seconds"])
        epoch = _epoch(cell["chosen_epoch"])
        rows.append([f"{cell['name']}, seed {cell['seed']}", *values, epoch, seconds, cell["folder"]])
    judged = [f"{task}: {judge['metric']}" for task, judge in results["tasks"].items()]
    header = ["training", *judged, "epoch kept", "seconds", "folder"]
    shown = table(header, rows, caption="Every training", numeric=range(1, len(header) - 1))
    note = "Test metrics, as in cells.csv. Each folder has the recipe, the history and the weights."
    return "cells", "Every training", tag("div", tag("p", note, class_="note"), folded("Show all", shown))


def method(results: Results) -> Part:
    """Return the section that says what was judged, how, and how many comparisons were made."""
    known = results["method"]
    judged = [
        f"{task} by {judge['metric']} ({judge['direction']} is better)"
        for task, judge in results["tasks"].items()
    ]
    count = known["comparisons"]
    told = {
        "Judged": _JUDGED.format(judged=listed(judged)),
        "Pairs": _PAIRS,
        "Intervals": _INTERVALS.format(bootstrap=known["bootstrap"]),
        "Verdicts": _VERDICTS.format(
            seeds=known["minimum_seeds"],
            correction=known["correction"],
            tasks=count["tasks"],
            delta=count["delta_m"],
        ),
        "delta-m": _DELTA,
    }
    return "method", "Method", pairs(told.items())


def _epoch(chosen: int | Mapping[str, int] | None) -> str:
    """Return the epoch kept, or each task's own."""
    if isinstance(chosen, Mapping):
        return ", ".join(f"{task} {epoch}" for task, epoch in chosen.items())
    return ABSENT if chosen is None else str(chosen)


def counted(items: Sequence[Any], what: str) -> str:
    """Return how many there are, in words: `1 seed`, `3 seeds`."""
    return f"{len(items)} {what}{'s' if len(items) != 1 else ''}"


_JUDGED = "{judged}, on the test split. Epochs were chosen on the validation split."
_PAIRS = "A variant and the single-task runs of the same seed make a pair; each gives one difference."
_INTERVALS = (
    "95 %. The one quoted holds two: the percentile bootstrap over seeds ({bootstrap}) and Student's t of "
    "the paired differences. With few seeds the bootstrap alone is too narrow: it cannot reach beyond the "
    "data."
)
_VERDICTS = (
    "At least {seeds} seeds, the interval on one side of zero, and the paired t test below 5 % after "
    "{correction}'s correction: for {tasks} comparisons of tasks, and for {delta} of delta-m."
)
_DELTA = "The mean over tasks of the gain in percent of the single-task value (Maninis et al. 2019)."
