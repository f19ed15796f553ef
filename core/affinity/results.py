"""What a finished affinity comes to, as JSON values: `affinity.json`, from which all else is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from statistics import fmean
from typing import Any

from ..comparison.curves import curves_of
from ..comparison.grid import Variant
from ..comparison.look import Look
from ..comparison.outcomes import Outcome
from ..comparison.power import power_of
from ..comparison.ranks import rank_correlation
from ..comparison.results import out_of_bounds, unlike
from ..comparison.rows import Row, correct, judged, spread
from ..comparison.statistics import MINIMUM_SEEDS
from ..comparison.verdicts import sentence
from .layout import Layout
from .partitions import Group
from .prices import price_of_all
from .search import front, ranked
from .sentences import sentences
from .values import GroupValues, directed, gains, value_of

FORMAT = 1
GUIDES = {
    "gain": "measured gains over single-task training",
    "affinity": "lookahead affinities",
    "cosine": "gradient cosines",
}
"""By what groupings are ranked. The first says what is best; the others cost one training a seed."""
_SHOWN = 10
"""Groupings of each ranking that are kept, beside the one of a single group and the one of single tasks."""


def affinity_results(
    layout: Layout, outcomes: Mapping[str, Outcome], notes: Sequence[str], planned: int
) -> dict[str, Any]:
    """Return the content of `affinity.json`; `planned` seeds were decided on before anything was trained."""
    grid = layout.grid
    look = Look(len(grid.seeds), planned)
    rows = [Row(grid, variant, outcomes, look) for variant in grid.variants]
    correct(rows, look)
    tasks = {name: {**item.to_json(), "margin": None} for name, item in grid.yardsticks.items()}
    trained = {layout.groups[row.variant.name]: row for row in rows}
    whole = [outcome for outcome in trained[layout.tasks].outcomes if outcome.status == "trained"]
    curves = curves_of([outcome.history for outcome in whole], layout.tasks)
    guides = {
        "gain": _gains(layout, outcomes),
        **{kind: directed(_by_pair(whole, kind, layout.tasks)) for kind in ("affinity", "cosine")},
    }
    found = {
        "format": FORMAT,
        "tasks": tasks,
        "recipe": dict(grid.fixed),
        "seeds": list(grid.seeds),
        "budget": {**layout.budget.to_json(), "sentence": layout.budget.sentence()},
        "method": {
            "look": look.to_json(),
            "enough_seeds": len(grid.seeds) >= MINIMUM_SEEDS,
            "comparisons": grid.comparisons,
            "power": power_of(grid, planned).to_json(),
            "lookahead_batches": _lookahead_of(layout),
            "guides": GUIDES,
        },
        "notes": [*unlike(outcomes), *_failed(outcomes), *out_of_bounds(grid.yardsticks, outcomes), *notes],
        "alone": {task: _alone(layout, outcomes, task) for task in layout.tasks},
        "groups": [_group(layout, group, row, tasks) for group, row in trained.items()],
        "pairs": [_pair(pair, guides) for pair in combinations(layout.tasks, 2)],
        "prices": [
            {"tasks": list(group), **price.to_json()} for group, price in layout.prices.items()
        ],
        "rankings": {name: _ranking(layout, known, look.level) for name, known in guides.items()},
        "agreement": {name: _agreement(guides["gain"], guides[name]) for name in ("affinity", "cosine")},
        "foretold": _foretold(layout.tasks, guides["gain"]),
        "curves": {key: points for key, points in curves.items() if key.startswith(("affinity/", "cosine/"))},
        "cells": [outcome.to_json() for outcome in outcomes.values()],
    }  # fmt: skip
    found["verdicts"] = sentences(found)
    return found


def _gains(layout: Layout, outcomes: Mapping[str, Outcome]) -> GroupValues:
    grid = layout.grid
    together = {layout.groups[variant.name]: _values(layout, variant, outcomes) for variant in grid.variants}
    singles = {task: cell for variant in grid.variants for task, cell in variant.alone.items()}
    alone = {
        task: [
            value
            for seed in grid.seeds
            for value in judged(outcomes[cell.at(seed).key], {task: grid.yardsticks[task]}).values()
        ]
        for task, cell in singles.items()
    }
    return gains(grid.yardsticks, together, alone)


def _values(layout: Layout, variant: Variant, outcomes: Mapping[str, Outcome]) -> dict[str, list[float]]:
    assert variant.cell is not None
    own = {task: layout.grid.yardsticks[task] for task in layout.groups[variant.name]}
    seeds = [judged(outcomes[variant.cell.at(seed).key], own) for seed in layout.grid.seeds]
    return {task: [seed[task] for seed in seeds if task in seed] for task in own}


def _by_pair(whole: Sequence[Outcome], kind: str, tasks: Group) -> dict[tuple[str, str], list[float]]:
    return {pair: _over_epochs(whole, kind, pair) for pair in permutations(tasks, 2)}


def _over_epochs(whole: Sequence[Outcome], kind: str, pair: tuple[str, str]) -> list[float]:
    """Return for each seed the mean over epochs of what a pair's column of the history says."""
    names = {f"{kind}/{pair[0]}/{pair[1]}"}
    if kind == "cosine":  # it has no direction
        names.add(f"{kind}/{pair[1]}/{pair[0]}")
    found = []
    for outcome in whole:
        values = [row[name] for row in outcome.history for name in names if _finite(row.get(name))]
        if values:
            found.append(fmean(values))
    return found


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _group(layout: Layout, group: Group, row: Row, units: Mapping[str, Any]) -> dict[str, Any]:
    whole = row.to_json(units)
    tasks = {task: found for task, found in whole["tasks"].items() if task in group}
    trained = sum(outcome.status == "trained" for outcome in row.outcomes)
    price = layout.prices[group]
    apart = price_of_all([(task,) for task in group], layout.prices)
    said = (
        sentence(whole["name"], tasks, units, max(len(row.outcomes), row.look.planned), len(row.outcomes))
        if trained
        else f"{whole['name']}: {whole['status']}: {whole['reason']}"
    )
    return {
        "name": whole["name"],
        "tasks": list(group),
        "status": whole["status"],
        "reason": whole["reason"],
        **price.to_json(),
        "apart": apart.to_json(),
        "seconds": whole["seconds"],
        "gains": tasks,
        "sentence": said,
    }


def _alone(layout: Layout, outcomes: Mapping[str, Outcome], task: str) -> dict[str, Any]:
    cell = next(variant.alone[task] for variant in layout.grid.variants if task in variant.alone)
    yardsticks = {task: layout.grid.yardsticks[task]}
    seeds = [outcomes[cell.at(seed).key] for seed in layout.grid.seeds]
    values = [value for outcome in seeds for value in judged(outcome, yardsticks).values()]
    return {"value": spread(values), **layout.prices[(task,)].to_json()}


def _pair(pair: Group, guides: Mapping[str, GroupValues]) -> dict[str, Any]:
    """Return what each guide says of a pair: by task, what it gains from the other."""
    found: dict[str, Any] = {"tasks": list(pair)}
    for name, known in guides.items():
        values = known.get(pair)
        found[name] = None if values is None else {task: float(drawn[0]) for task, drawn in values.items()}
    return found


def _ranking(layout: Layout, known: GroupValues, level: float) -> dict[str, Any]:
    """Return the best groupings within the budget, and what more money would buy."""
    found = ranked(layout.tasks, known, layout.prices, layout.budget, level)
    every = ranked(layout.tasks, known, layout.prices, type(layout.budget)(), level)
    kept = {it.parts for it in found[:_SHOWN]}
    ends = [it for it in every if len(it.parts) in (1, len(layout.tasks)) and it.parts not in kept]
    return {
        "within_budget": len(found),
        "of": len(every),
        "best": found[0].to_json() if found else None,
        "first": [grouping.to_json() for grouping in found[:_SHOWN]],
        "ends": [grouping.to_json() for grouping in ends],
        "front": {
            measure: [grouping.to_json() for grouping in front(every, measure)]
            for measure in ("parameters", "multiply_adds")
        },
    }


def _agreement(measured: GroupValues, guide: GroupValues) -> float | None:
    """Return the rank correlation of a guide with the gains of tasks in pairs; None of fewer than three."""
    places = [
        (values[task][0], guide[pair][task][0])
        for pair, values in measured.items()
        if len(pair) == 2 and pair in guide
        for task in pair
    ]
    return rank_correlation(*zip(*places, strict=True)) if len(places) > 2 else None


def _foretold(tasks: Group, known: GroupValues) -> dict[str, float] | None:
    """Return what pairs foretell of all tasks in one group, and what was measured: how far to trust them."""
    if len(tasks) < 3 or tasks not in known:
        return None
    pairs: GroupValues = {group: values for group, values in known.items() if len(group) == 2}
    told = value_of(tasks, pairs)
    seen = value_of(tasks, known)
    if told is None or seen is None:
        return None
    return {"foretold": float(told[0]) / len(tasks), "measured": float(seen[0]) / len(tasks)}


def _failed(outcomes: Mapping[str, Outcome]) -> list[str]:
    failed = [outcome for outcome in outcomes.values() if outcome.status != "trained"]
    if not failed:
        return []
    first = f"{failed[0].cell.title}, seed {failed[0].cell.seed}: {failed[0].reason}"
    counted = f"{len(failed)} of {len(outcomes)} trainings failed"
    return [f"{counted}, and groups that lost every seed are in no grouping ({first})"]


def _lookahead_of(layout: Layout) -> int:
    cells = [variant.cell for variant in layout.grid.variants if variant.cell is not None]
    return max(cell.recipe.train.lookahead for cell in cells)
