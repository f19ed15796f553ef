"""The results of a comparison as JSON values: what `compare.json` holds and everything else is drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean, stdev
from typing import Any

from .curves import curves_of
from .delta import delta_m, relative_gain
from .grid import Grid, Variant
from .judging import Judge
from .outcomes import Outcome
from .pareto import front
from .statistics import EXACT_UP_TO, LEVEL, MINIMUM_SEEDS, RESAMPLES, Estimate, estimate, holm
from .verdicts import judge, sentence

FORMAT = 1


def results(grid: Grid, outcomes: Mapping[str, Outcome], notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the content of `compare.json`."""
    tasks = {name: item.to_json() for name, item in grid.judges.items()}
    rows = [_Row(grid, variant, outcomes) for variant in grid.variants]
    _correct(rows)
    variants = [row.to_json(tasks) for row in rows]
    return {
        "format": FORMAT,
        "tasks": tasks,
        "axes": [
            {"key": axis.key, "title": axis.title, "values": [axis.shown(value) for value in axis.values]}
            for axis in grid.axes
        ],
        "recipe": dict(grid.fixed),
        "seeds": list(grid.seeds),
        "method": _method(grid, rows),
        "notes": [*_notes(outcomes), *_lost(rows), *_out_of_bounds(grid.judges, outcomes), *notes],
        "variants": variants,
        "single_task": _alone(grid, outcomes),
        "pareto": _fronts(grid.judges, variants),
        "cells": [outcome.to_json() for outcome in outcomes.values()],
        "verdicts": [row["sentence"] for row in variants],
    }


class _Row:
    """One variant: its values, paired by seed with the single-task runs, and what they say."""

    def __init__(self, grid: Grid, variant: Variant, outcomes: Mapping[str, Outcome]) -> None:
        self.variant = variant
        self.judges = grid.judges
        self.values: dict[int, dict[str, float]] = {}
        self.alone: dict[int, dict[str, float]] = {}
        self.outcomes: list[Outcome] = []
        for seed in grid.seeds if variant.cell is not None else ():
            assert variant.cell is not None
            outcome = outcomes[variant.cell.at(seed).key]
            self.outcomes.append(outcome)
            self.values[seed] = _judged(outcome, grid.judges)
            self.alone[seed] = {
                task: value
                for task, cell in variant.alone.items()
                for value in _judged(outcomes[cell.at(seed).key], {task: grid.judges[task]}).values()
            }
        self.gains = {task: self._gain(task) for task in grid.judges}
        self.delta = _estimated([self._delta(seed) for seed in self.values])
        self.adjusted: dict[str, float | None] = {}
        self.adjusted_delta: float | None = None

    def _pairs(self, task: str) -> list[tuple[float, float]]:
        return [
            (self.values[seed][task], self.alone[seed][task])
            for seed in self.values
            if task in self.values[seed] and task in self.alone[seed]
        ]

    def _gain(self, task: str) -> Estimate | None:
        return _estimated([self.judges[task].gain(*pair) for pair in self._pairs(task)])

    def _delta(self, seed: int) -> float | None:
        values, alone = self.values[seed], self.alone[seed]
        complete = values.keys() >= self.judges.keys() and alone.keys() >= self.judges.keys()
        return delta_m(self.judges, values, alone) if complete else None

    def to_json(self, units: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        trained = [outcome for outcome in self.outcomes if outcome.status == "trained"]
        reasons = list(dict.fromkeys(outcome.reason for outcome in self.outcomes if outcome.reason))
        tasks = {task: self._task(task) for task in self.judges} if self.outcomes else {}
        status = self.variant.status
        if len(trained) < len(self.outcomes):
            status = f"{len(trained)} of {len(self.outcomes)} seeds" if trained else "failed"
        reason = self.variant.reason or "; ".join(reasons) or None
        said = (
            sentence(self.variant.name, tasks, units, len(self.outcomes))
            if trained
            else f"{self.variant.name}: {status}: {reason}"
        )
        return {
            "name": self.variant.name,
            "settings": dict(self.variant.settings),
            "status": status,
            "reason": reason,
            "parameters": dict(self.variant.parameters) or None,
            "parameters_alone": dict(self.variant.parameters_alone) or None,
            "seconds": _spread([outcome.training["seconds"] for outcome in trained]),
            "tasks": tasks,
            "delta_m": self.delta.to_json() if self.delta is not None else None,
            "delta_m_verdict": judge(self.delta, self.adjusted_delta, len(self.outcomes)).to_json(),
            "sentence": said,
            "curves": curves_of([outcome.history for outcome in trained], list(self.judges)),
        }

    def _task(self, task: str) -> dict[str, Any]:
        gain, pairs = self.gains[task], self._pairs(task)
        relative = [relative_gain(self.judges[task], value, alone) for value, alone in pairs]
        known = [item for item in relative if item is not None]
        return {
            "value": _spread([values[task] for values in self.values.values() if task in values]),
            "alone": _spread([alone[task] for alone in self.alone.values() if task in alone]),
            "gain": gain.to_json() if gain is not None else None,
            "relative_gain": fmean(known) if known and len(known) == len(relative) else None,
            "verdict": judge(gain, self.adjusted.get(task), len(self.outcomes)).to_json(),
        }


def _correct(rows: Sequence[_Row]) -> None:
    """Adjust the p-values for the number of comparisons: those of tasks, and those of delta-m."""
    able = [(row, task) for row in rows for task in row.judges]
    p_values = [_p(row.gains[task]) for row, task in able]
    for (row, task), adjusted in zip(able, holm(p_values), strict=True):
        row.adjusted[task] = adjusted
    for row, adjusted in zip(rows, holm([_p(row.delta) for row in rows]), strict=True):
        row.adjusted_delta = adjusted


def _p(found: Estimate | None) -> float | None:
    """Return the p-value of a comparison that counts; one without a known spread counts as no evidence."""
    if found is None or found.n < MINIMUM_SEEDS:
        return None
    return 1.0 if found.p is None else found.p


def _estimated(values: Sequence[float | None]) -> Estimate | None:
    known = [value for value in values if value is not None]
    return estimate(known) if known else None


def _judged(outcome: Outcome, judges: Mapping[str, Judge]) -> dict[str, float]:
    """Return the judged metric of each task where there is a finite one."""
    found = {task: outcome.metrics.get(task, {}).get(item.metric) for task, item in judges.items()}
    return {task: value for task, value in found.items() if value is not None and math.isfinite(value)}


def _spread(values: Sequence[float]) -> dict[str, Any] | None:
    """Return mean, standard deviation and number of values over seeds."""
    if not values:
        return None
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "n": len(values)}


def _method(grid: Grid, rows: Sequence[_Row]) -> dict[str, Any]:
    seeds = len(grid.seeds)
    exact = seeds <= EXACT_UP_TO
    number = "" if _lost(rows) else f"{seeds**seeds:,} "
    return {
        "level": LEVEL,
        "minimum_seeds": MINIMUM_SEEDS,
        "enough_seeds": seeds >= MINIMUM_SEEDS,
        "bootstrap": f"all {number}resamples" if exact else f"{RESAMPLES:,} resamples, fixed seed",
        "correction": "Holm",
        "comparisons": {
            "tasks": sum(_p(gain) is not None for row in rows for gain in row.gains.values()),
            "delta_m": sum(_p(row.delta) is not None for row in rows),
        },
        "reported": "test split; epochs were chosen on the validation split",
    }


def _notes(outcomes: Mapping[str, Outcome]) -> list[str]:
    origins = [item.origin for item in outcomes.values() if item.origin]
    data: dict[str, set[str]] = {}
    for item in outcomes.values():
        if item.origin:
            # Data sets may be an axis: only cells of the same one can differ in what it held.
            data.setdefault(str(item.cell.recipe.dataset), set()).add(item.origin.get("data", ""))
    keys = [key for key in dict.fromkeys(key for found in origins for key in found) if key != "data"]
    differing = [key for key in keys if len({found.get(key) for found in origins}) > 1]
    if any(len(found) > 1 for found in data.values()):
        differing.append("data")
    if not differing:
        return []
    parted = ", ".join(differing)
    return [f"the cells were not all trained alike ({parted} differ); --force trains all of them again"]


def _lost(rows: Sequence[_Row]) -> list[str]:
    """Name every variant that is judged by fewer seeds than were asked for, since trainings failed."""
    told = []
    for row in rows:
        pairs = [gain.n if gain is not None else 0 for gain in row.gains.values()]
        if row.outcomes and min(pairs) < len(row.outcomes):
            counted = f"{min(pairs)} of {len(row.outcomes)} seeds"
            told.append(f"{row.variant.name} is judged by {counted}: those that failed may be its worst")
    return told


def _out_of_bounds(judges: Mapping[str, Judge], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Name every judged value that its metric says cannot be: what follows from it is not to be trusted."""
    told = []
    for outcome in outcomes.values():
        for task, value in _judged(outcome, judges).items():
            low, high = judges[task].bounds
            if not low - 1e-6 <= value <= high + 1e-6:
                where = f"{outcome.cell.title}, seed {outcome.cell.seed}"
                what = f"{judges[task].metric} of {task!r} is {value:g}"
                told.append(f"{where}: {what}, outside its bounds {low:g} to {high:g}")
    return told


def _alone(grid: Grid, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Return every single-task training once, with the variants that are held against it."""
    found: dict[str, dict[str, Any]] = {}
    for variant in grid.variants:
        for task, cell in variant.alone.items():
            if cell.key in found:
                found[cell.key]["variants"].append(variant.name)
                continue
            done = [outcomes[cell.at(seed).key] for seed in grid.seeds]
            values = [
                value for outcome in done for value in _judged(outcome, {task: grid.judges[task]}).values()
            ]
            trained = [outcome for outcome in done if outcome.status == "trained"]
            found[cell.key] = {
                "task": task,
                "name": cell.title,
                "value": _spread(values),
                "parameters": variant.parameters_alone[task],
                "seconds": _spread([outcome.training["seconds"] for outcome in trained]),
                "curves": curves_of([outcome.history for outcome in trained], [task]),
                "variants": [variant.name],
            }
    return list(found.values())


def _fronts(judges: Mapping[str, Judge], variants: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the Pareto front of every two tasks, by the means over seeds."""
    fronts = []
    for pair in combinations(judges, 2):
        points = {
            row["name"]: {task: row["tasks"][task]["value"]["mean"] for task in pair}
            for row in variants
            if all(row["tasks"].get(task, {}).get("value") for task in pair)
        }
        if points:
            fronts.append(
                {"tasks": list(pair), "front": front(points, {task: judges[task] for task in pair})}
            )
    return fronts
