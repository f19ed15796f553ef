"""The sections of a comparison's page with every training and with how verdicts come about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.markup import Html, folded, pairs, table, tag
from ..report.numbers import ABSENT, duration, listed, number
from .power import of_100
from .summary import found_note, selection_note

Results = Mapping[str, Any]
Part = tuple[str, str, Html] | None


def every_training(results: Results) -> Part:
    """Return the section with a row per training."""
    rows = []
    for cell in results["cells"]:
        values = [
            number(cell["metrics"][task].get(yardstick["metric"])) if task in cell["metrics"] else ABSENT
            for task, yardstick in results["tasks"].items()
        ]
        seconds = ABSENT if cell["seconds"] is None else duration(cell["seconds"])
        epoch = _epoch(cell["chosen_epoch"])
        rows.append([f"{cell['name']}, seed {cell['seed']}", *values, epoch, seconds, cell["folder"]])
    judged = [f"{task}: {yardstick['metric']}" for task, yardstick in results["tasks"].items()]
    header = ["training", *judged, "epoch kept", "seconds", "folder"]
    shown = table(header, rows, caption="Test metrics by training", numeric=range(1, len(header) - 1))
    note = "Test metrics, as in cells.csv. Each folder has the recipe, the history and the weights."
    return "cells", "Every training", tag("div", tag("p", note, class_="note"), folded("Show all", shown))


def method(results: Results) -> Part:
    """Return the section that says what was judged, how, and how many comparisons were made."""
    known = results["method"]
    judged = [
        f"{task} by {yardstick['metric']} ({yardstick['direction']} is better)"
        for task, yardstick in results["tasks"].items()
    ]
    count = known["comparisons"]
    told = {
        "Judged": _JUDGED.format(judged=listed(judged)),
        "Epochs": selection_note(results),
        "Intervals": _INTERVALS,
        "Verdicts": _VERDICTS.format(
            seeds=known["minimum_seeds"],
            correction=known["correction"],
            tasks=count["tasks"],
            delta=count["delta_m"],
            perhaps=known["perhaps_below"],
        ),
        "Looking again": _LOOKS.format(**known["look"], interval=100 * known["look"]["level"]),
        "Power": _POWER.format(
            effect=known["power"]["effect_sd"],
            chance=of_100(known["power"]["chance"]),
            needed=known["power"]["seeds_needed"],
            wanted=of_100(known["power"]["wanted"]),
        )
        + (f" By the spread that was seen, {found}." if (found := found_note(results)) else ""),
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


_JUDGED = "{judged}, on the test split, which chooses nothing."
_INTERVALS = (
    "95 %, of the difference between two means (Welch): a variant's trainings and those that it is held "
    "against are two independent groups."
)
_VERDICTS = (
    "At least {seeds} seeds, and Welch's t test below 5 % after {correction}'s correction: for {tasks} "
    "comparisons of tasks, and for {delta} of delta-m, and for looking again. Perhaps: the interval on one "
    "side of zero, and p below {perhaps:g} after the correction."
)
_LOOKS = (
    "{planned} seeds were planned, {seeds} are looked at. The 5 % of wrong verdicts are shared out among all "
    "looks there can be; this one has {share:.3g} of them, so each interval is one of {interval:.5g} %, and "
    "together with those of every other number of seeds one of 95 %."
)
_POWER = (
    "A variant that is truly better by {effect:g} times the spread from seed to seed (the standard deviation "
    "of one model's value over seeds) gets that verdict in {chance} comparisons like this one; with {needed} "
    "seeds, in {wanted}."
)
_DELTA = "The mean over tasks of the gain in percent of the value gained over (Maninis et al. 2019)."
