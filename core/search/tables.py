"""The trials of a search as rows of text, the best first, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.numbers import ABSENT, duration
from .objectives import Objective
from .space import shown

_ORDER = ("finished", "pruned", "failed", "running")


def trial_rows(
    results: Mapping[str, Any], objectives: Sequence[Objective]
) -> tuple[list[str], list[list[str]]]:
    """Return a header and a row per trial: the best ones, other finished ones, stopped ones, failed ones."""
    keys = list(results["plan"]["space"])
    header = ["trial", *keys, *(item.title for item in objectives), "epochs", "time", ""]
    best = results["best"]
    sign = -1 if objectives[0].direction == "higher" else 1

    def place(trial: Mapping[str, Any]) -> tuple[Any, ...]:
        rank = best.index(trial["number"]) if trial["number"] in best else len(best)
        score = sign * trial["scores"][0] if trial["scores"] else 0.0
        return rank, _ORDER.index(trial["state"]), score, trial["number"]

    rows = []
    for trial in sorted(results["trials"], key=place):
        shown_so = [item.shown(score) for item, score in zip(objectives, trial["scores"], strict=False)]
        scores = shown_so or [ABSENT] * len(objectives)
        epochs = str(trial["epochs"]) if trial["epochs"] else ABSENT
        took = duration(trial["seconds"]) if trial["seconds"] else ABSENT
        values = [shown(trial["values"].get(key, ABSENT)) for key in keys]
        rows.append([str(trial["number"]), *values, *scores, epochs, took, _said(trial, results)])
    return header, rows


def _said(trial: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Return in a few words what is to be known of a trial."""
    state = trial["state"]
    if trial["number"] in results["best"]:
        state = "best" if len(results["best"]) == 1 else "not beaten"
    elif state == "failed":
        state = f"failed: {trial['reason']}"
    elif state == "pruned":
        state = f"pruned after epoch {trial['epochs']}"
    elif state == "finished":
        state = ""
    own = "the recipe's own values" if results["own"] and trial["number"] == 0 else ""
    return ", ".join(filter(None, [state, own]))


def counted(results: Mapping[str, Any]) -> str:
    """Return how many trials there were, and how they ended, in words."""
    states = [trial["state"] for trial in results["trials"]]
    parts = [f"{states.count(state)} {state}" for state in _ORDER if state in states]
    plural = "s" if len(states) != 1 else ""
    return f"{len(states)} trial{plural} in {duration(results['seconds'])}: {', '.join(parts)}"


def caveat(results: Mapping[str, Any]) -> str:
    """Return what must be known beside the best trial's score."""
    return (
        f"Chosen on validation among {len(results['trials'])} trials of one seed: its validation score looks "
        "better than it is. The test split chose nothing."
    )
