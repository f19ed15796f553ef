"""The results of a comparison as JSON values: what `compare.json` holds and everything else is drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from .curves import curves_of
from .grid import Grid
from .look import Look
from .outcomes import Outcome
from .pareto import front
from .power import Power, power_of
from .rows import Row, correct, find_repeats, judged, p_of, spread
from .statistics import ALPHA, LEVEL, MINIMUM_SEEDS
from .verdicts import PERHAPS
from .yardsticks import Yardstick

FORMAT = 2


def results(
    grid: Grid,
    outcomes: Mapping[str, Outcome],
    notes: Sequence[str] = (),
    planned: int | None = None,
    earlier: int = 0,
) -> dict[str, Any]:
    """Return the content of `compare.json`.

    `planned` is the number of seeds that was decided on before anything was trained, by default the grid's.
    `earlier` variants were judged before and are not in the grid: they count as comparisons all the same.
    """
    look = Look(len(grid.seeds), planned or len(grid.seeds))
    rows = [Row(grid, variant, outcomes, look) for variant in grid.variants]
    find_repeats(rows)
    correct(rows, look, earlier)
    found = power_of(grid, look.planned)
    tasks = {
        name: {**item.to_json(), "margin": grid.margins.get(name), "found": _found(rows, name, found)}
        for name, item in grid.yardsticks.items()
    }
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
        "against": grid.against,
        "method": _method(grid, rows, look, earlier),
        "notes": [*_notes(grid, rows, outcomes), *_of_earlier(earlier), *notes],
        "variants": variants,
        "single_task": _alone(grid, outcomes),
        "pareto": _fronts(grid.yardsticks, variants),
        "cells": [outcome.to_json() for outcome in outcomes.values()],
        "verdicts": [row["sentence"] for row in variants],
    }


def _found(rows: Sequence[Row], task: str, found: Power) -> float | None:
    """Return the gain on a task that could have been found, in the metric's size, by the spread seen."""
    spreads = [spread for row in rows for spread in row.spreads(task)]
    if not spreads or found.found_effect is None:
        return None
    return found.found_effect * math.sqrt(fmean(spread**2 for spread in spreads))


def _method(grid: Grid, rows: Sequence[Row], look: Look, earlier: int) -> dict[str, Any]:
    own = [row for row in rows if row.repeats is None]
    return {
        "level": LEVEL,
        "verdict_below": ALPHA,
        "perhaps_below": PERHAPS,
        "minimum_seeds": MINIMUM_SEEDS,
        "enough_seeds": len(grid.seeds) >= MINIMUM_SEEDS,
        "test": "Welch",
        "correction": "Holm",
        "comparisons": {
            "tasks": sum(p_of(gain) is not None for row in own for gain in row.gains.values())
            + earlier * len(grid.yardsticks),
            "delta_m": sum(p_of(row.delta) is not None for row in own) + earlier,
        },
        **({"earlier_variants": earlier} if earlier else {}),
        "look": look.to_json(),
        "power": power_of(grid, look.planned).to_json(),
        "select": _selection(grid),
        "reported": "test split",
    }


def _selection(grid: Grid) -> list[str]:
    """Return the rules by which the variants' epochs were chosen: `train.select` of their recipes."""
    cells = [variant.cell for variant in grid.variants if variant.cell is not None]
    return list(dict.fromkeys(cell.recipe.train.select for cell in cells))


def _notes(grid: Grid, rows: Sequence[Row], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return what must be known beside the numbers."""
    return [*unlike(outcomes), *_lost(rows), *_repeated(rows), *out_of_bounds(grid.yardsticks, outcomes)]


def _of_earlier(count: int) -> list[str]:
    if not count:
        return []
    variants = "1 variant was" if count == 1 else f"{count} variants were"
    return [f"{variants} compared in this folder before and left out now: p counts them all the same"]


def unlike(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Say when cells were trained by different versions, on different devices or on different data."""
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


def _lost(rows: Sequence[Row]) -> list[str]:
    """Name every variant that is judged by fewer seeds than were asked for, since trainings failed."""
    told = []
    for row in rows:
        counts = [gain.n if gain is not None else 0 for gain in row.gains.values()]
        if row.outcomes and not row.is_baseline and min(counts) < len(row.outcomes):
            counted = f"{min(counts)} of {len(row.outcomes)} seeds"
            told.append(f"{row.variant.name} is judged by {counted}: those that failed may be its worst")
    return told


def _repeated(rows: Sequence[Row]) -> list[str]:
    """Name every variant that is another one under a second name."""
    return [
        f"{row.variant.name} reached the same as {row.repeats} in every seed: here they are one computation, "
        "counted once"
        for row in rows
        if row.repeats is not None
    ]


def out_of_bounds(yardsticks: Mapping[str, Yardstick], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Name every judged value that its metric says cannot be: what follows from it is not to be trusted."""
    told = []
    for outcome in outcomes.values():
        for task, value in judged(outcome, yardsticks).items():
            low, high = yardsticks[task].bounds
            if not low - 1e-6 <= value <= high + 1e-6:
                where = f"{outcome.cell.title}, seed {outcome.cell.seed}"
                what = f"{yardsticks[task].metric} of {task!r} is {value:g}"
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
                value for outcome in done for value in judged(outcome, {task: grid.yardsticks[task]}).values()
            ]
            trained = [outcome for outcome in done if outcome.status == "trained"]
            found[cell.key] = {
                "task": task,
                "name": cell.title,
                "value": spread(values),
                "parameters": variant.parameters_alone[task],
                "seconds": spread([outcome.training["seconds"] for outcome in trained]),
                "curves": curves_of([outcome.history for outcome in trained], [task]),
                "variants": [variant.name],
            }
    return list(found.values())


def _fronts(
    yardsticks: Mapping[str, Yardstick], variants: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the Pareto front of every two tasks, by the means over seeds."""
    fronts = []
    for pair in combinations(yardsticks, 2):
        points = {
            row["name"]: {task: row["tasks"][task]["value"]["mean"] for task in pair}
            for row in variants
            if all(row["tasks"].get(task, {}).get("value") for task in pair)
        }
        if points:
            fronts.append(
                {"tasks": list(pair), "front": front(points, {task: yardsticks[task] for task in pair})}
            )
    return fronts
