"""How much worse a model became, in the unit of the metric that a task is judged by, and what it may lose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..base.errors import UsageError, suggest
from .exporter import Leading


@dataclass(frozen=True)
class Unit:
    """How a loss of quality is counted, and how much is allowed when nothing is said."""

    name: str
    default: float


POINTS = Unit("points", 0.5)
"""Hundredths of the range of a bounded metric that is to be high: points of accuracy."""

DECIBELS = Unit("dB", 0.3)
"""The metric's own unit, for one that grows without bound: PSNR."""

PERCENT = Unit("%", 2.0)
"""Of the value before, for an error, whatever its bounds: RMSE, cross-entropy."""


def unit_of(leading: Leading) -> Unit:
    """Return how a metric's loss is counted."""
    if leading.direction == "lower":
        return PERCENT
    return POINTS if all(math.isfinite(bound) for bound in leading.bounds) else DECIBELS


def drop(leading: Leading, before: float, after: float) -> float:
    """Return how much worse a metric is, in its unit; negative when it is better, NaN when one is no number.

    >>> drop(Leading("accuracy", "higher", (0.0, 1.0)), 0.99, 0.98)
    1.0
    >>> drop(Leading("rmse", "lower", (0.0, math.inf)), 0.50, 0.51)
    2.0
    >>> drop(Leading("bce", "lower", (0.0, 16.7)), 0.10, 0.15)
    50.0
    """
    if before == after:
        return 0.0
    worse = after - before if leading.direction == "lower" else before - after
    unit = unit_of(leading)
    if unit is POINTS:
        worse *= 100 / (leading.bounds[1] - leading.bounds[0])
    elif unit is PERCENT:
        worse = 100 * worse / before if before else math.copysign(math.inf, worse)
    return round(worse, 9)


def check_drops(leading: Mapping[str, Leading], given: Mapping[str, float]) -> None:
    """Raise `UsageError` for a limit by a name that is neither a task nor its metric, or a negative one."""
    metrics = {item.metric for item in leading.values()}
    for name, most in given.items():
        if name not in leading and name not in metrics:
            known = suggest(name, [*leading, *sorted(metrics)], "tasks and their metrics")
            raise UsageError(f"max_drop names {name!r}", hint=known)
        if not most >= 0:
            raise UsageError(f"max_drop of {name!r} is {most}; it cannot be negative")


def allowed_for(leading: Mapping[str, Leading], given: Mapping[str, float]) -> dict[str, float]:
    """Return what each task may lose; `given` is by task or by metric, and a task's own wins.

    Raises as `check_drops` does.
    """
    check_drops(leading, given)
    return {
        task: float(given.get(task, given.get(item.metric, unit_of(item).default)))
        for task, item in leading.items()
    }
