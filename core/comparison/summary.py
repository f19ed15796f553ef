"""The results in one table of text: a row per variant, single-task training first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..report.numbers import ABSENT, duration, listed
from .power import of_100
from .verdicts import BETTER, EQUAL, REPEATED, UNSURE_BETTER, UNSURE_WORSE, WORSE, shown_p, signed

MARKS = {BETTER: "+", WORSE: "-", EQUAL: "=", UNSURE_BETTER: "(+)", UNSURE_WORSE: "(-)"}
"""Beside a gain: a verdict, or *perhaps* one."""


SELECTION = {
    "best": "A variant is judged at one epoch for all its tasks, a single-task model at its own best.",
    "per-task": "Each task is judged at its own best epoch, on both sides.",
    "last": "Every model is judged at its last epoch.",
}
"""What `train.select` means for a comparison with single-task training."""

SELECTION_OF_VARIANTS = {
    "best": "Every variant is judged at one epoch for all its tasks.",
    "per-task": "Each task is judged at its own best epoch.",
    "last": "Every model is judged at its last epoch.",
}
"""The same where variants are held against one of them."""


def baseline_of(results: Mapping[str, Any]) -> str:
    """Return what variants are held against: `single-task training`, or a variant's name."""
    return results["against"] or "single-task training"


def selection_note(results: Mapping[str, Any]) -> str:
    """Return at which epoch models are judged."""
    rules = results["method"]["select"]
    notes = SELECTION if results["against"] is None else SELECTION_OF_VARIANTS
    if len(rules) == 1:
        return notes[rules[0]]
    return " ".join(f"select={rule}: {notes[rule]}" for rule in rules)


def table_note(results: Mapping[str, Any]) -> str:
    """Return what the numbers of the table are, and what its marks say."""
    method = results["method"]
    counts = method["comparisons"]
    equal = any(judge["margin"] is not None for judge in results["tasks"].values())
    look = method["look"]
    early = ", whatever p, before all planned seeds are there" if look["seeds"] < look["planned"] else ""
    return (
        f"Test split, mean over seeds; gains over {baseline_of(results)}, positive is better, with "
        f"{100 * method['level']:.0f} % intervals. p is of {method['test']}'s t test, corrected by "
        f"{method['correction']} for {counts['tasks']} comparisons of tasks, of delta-m for "
        f"{counts['delta_m']}. Both hold however often one adds seeds and looks again. + and - mark "
        f"verdicts (p below {method['verdict_below']:g}), {'= marks equality, ' if equal else ''}(+) and (-) "
        f"mark perhaps (p below {method['perhaps_below']:g}){early}."
    )


def found_note(results: Mapping[str, Any]) -> str | None:
    """Return what gain the seeds would have found on each task, were it true: `0.31 points on even`.

    By the spread that was seen, with the chance that is asked for; None where nothing can be concluded.
    """
    known = {task: judge for task, judge in results["tasks"].items() if judge["found"] is not None}
    if not known:
        return None
    shown = [
        f"{signed(judge['found'] * judge['scale'], judge['scale'])[1:]} {judge['unit']} on {task}"
        for task, judge in known.items()
    ]
    chance = of_100(results["method"]["power"]["wanted"])
    count = len(results["seeds"])
    return f"these {count} seeds would have found a true gain of {listed(shown)} in {chance} cases"


def summary_rows(results: Mapping[str, Any], *, cost: bool = True) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows; without `cost`, no parameters and seconds."""
    tasks = results["tasks"]
    header = ["", "parameters"]
    for task, yardstick in tasks.items():
        header += [f"{task}: {yardstick['metric']}", f"gain ({yardstick['unit']})"]
    header += ["delta-m (%)", "seconds"]
    rows = [*_alone(results), *(_variant(row, tasks) for row in results["variants"])]
    if not cost:
        return [header[0], *header[2:-1]], [[row[0], *row[2:-1]] for row in rows]
    return header, rows


def _alone(results: Mapping[str, Any]) -> list[list[str]]:
    """Return a row of single-task values for every group of variants that is held against the same runs."""
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in results["single_task"]:
        groups.setdefault(tuple(row["variants"]), {})[row["task"]] = row
    by_variants: dict[str, dict[str, Any]] = {}
    for variants, found in groups.items():
        for name in variants:
            by_variants.setdefault(name, {}).update(found)
    rows: list[list[str]] = []
    for found in by_variants.values():
        cells = []
        for task, yardstick in results["tasks"].items():
            cells += [_value(found.get(task, {}).get("value"), yardstick), ""]
        known = [item["seconds"]["mean"] for item in found.values() if item["seconds"]]
        row = [
            "single-task",
            f"{sum(item['parameters'] for item in found.values()):,}",
            *cells,
            "",
            duration(sum(known)) if known else ABSENT,
        ]
        if row not in rows:
            rows.append(row)
    return rows


def _variant(row: Mapping[str, Any], tasks: Mapping[str, Any]) -> list[str]:
    parameters = f"{row['parameters']['total']:,}" if row["parameters"] else ABSENT
    if not any(item["value"] for item in row["tasks"].values()):
        empty = [ABSENT] * (2 * len(tasks) + 1)
        return [row["name"], parameters, row["status"], *empty[1:], ABSENT]
    cells = []
    for task, yardstick in tasks.items():
        found = row["tasks"][task]
        cells += [
            _value(found["value"], yardstick),
            gain_text(found["gain"], yardstick["scale"], found["verdict"]),
        ]
    seconds = duration(row["seconds"]["mean"]) if row["seconds"] else ABSENT
    return [row["name"], parameters, *cells, _delta(row), seconds]


def _delta(row: Mapping[str, Any]) -> str:
    """Return delta-m, already in percent, with two digits."""
    if row["delta_m"] is None:
        return ABSENT
    found = {**row["delta_m"], "mean": row["delta_m"]["mean"] / 100}
    if found["interval"] is not None:
        found["interval"] = [bound / 100 for bound in found["interval"]]
    return gain_text(found, 100.0, row["delta_m_verdict"])


def _value(value: Mapping[str, Any] | None, yardstick: Mapping[str, Any]) -> str:
    if value is None:
        return ABSENT
    scale = yardstick["scale"]
    unit = " %" if scale == 100 else ""
    return f"{value['mean'] * scale:.{2 if scale == 100 else 3}f}{unit}"


def gain_text(gain: Mapping[str, Any] | None, scale: float, verdict: Mapping[str, Any]) -> str:
    """Return a gain with its interval, the mark of its verdict and p: `+0.13 [+0.05, +0.21] + p=0.012`.

    One that repeats another variant's is not marked a second time.
    """
    if gain is None:
        return ABSENT
    text = signed(gain["mean"] * scale, scale)
    if gain["interval"] is not None:
        low, high = (signed(bound * scale, scale) for bound in gain["interval"])
        text += f" [{low}, {high}]"
    if verdict["outcome"] == REPEATED or verdict["adjusted_p"] is None:
        return text
    return " ".join(filter(None, [text, MARKS.get(verdict["outcome"], ""), shown_p(verdict["adjusted_p"])]))
