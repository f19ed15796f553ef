"""Which metric judges a task, which way is better, and the range of its values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..base.errors import UsageError, suggest
from ..composition.composition import Composition

LOSS = "loss"


@dataclass(frozen=True)
class Yardstick:
    """The metric of a task: `direction` says which way is better, `bounds` is the range of its values."""

    task: str
    metric: str
    direction: Literal["higher", "lower"]
    bounds: tuple[float, float]

    @property
    def scale(self) -> float:
        """What values are multiplied by when shown: shares (0..1, more is better) are shown in percent."""
        return 100.0 if self.bounds == (0.0, 1.0) and self.direction == "higher" else 1.0

    @property
    def unit(self) -> str:
        """What a shown difference is counted in."""
        return "points" if self.scale == 100.0 else self.metric

    def gain(self, value: float, other: float) -> float:
        """Return how much better `value` is than `other`, in the metric's own size: positive is better."""
        return value - other if self.direction == "higher" else other - value

    def to_json(self) -> dict[str, Any]:
        """Return the yardstick as JSON values; an open bound is null."""
        bounds = [bound if math.isfinite(bound) else None for bound in self.bounds]
        return {
            "metric": self.metric,
            "direction": self.direction,
            "bounds": bounds,
            "unit": self.unit,
            "scale": self.scale,
        }


def yardsticks_of(composition: Composition, chosen: Mapping[str, str]) -> dict[str, Yardstick]:
    """Return the yardstick of every task: the metric chosen, else its first one with a direction.

    Raises `UsageError` for an unknown task or metric, a table, and a metric without direction: where neither
    way is better, no difference can be a gain.
    """
    for task in chosen:
        if task not in composition.tasks:
            hint = suggest(task, list(composition.tasks), "tasks")
            raise UsageError(f"--metric {task}={chosen[task]}: unknown task {task!r}", hint=hint)
    return {task: _yardstick(composition, task, chosen.get(task)) for task in composition.tasks}


def margins_of(yardsticks: Mapping[str, Yardstick], given: Mapping[str, float]) -> dict[str, float]:
    """Return the margins of equality in the metrics' own size, from those that are given as they are shown.

    Raises `UsageError` for an unknown task, and a margin that is not above 0 or as wide as all values.
    """
    found = {}
    for task, margin in given.items():
        asked = f"--equal-within {task}={margin:g}"
        if task not in yardsticks:
            raise UsageError(f"{asked}: unknown task {task!r}", hint=suggest(task, list(yardsticks), "tasks"))
        yardstick = yardsticks[task]
        own, (low, high) = margin / yardstick.scale, yardstick.bounds
        if not 0 < own < high - low:
            least = (
                f"above 0 and below {(high - low) * yardstick.scale:g}"
                if math.isfinite(high - low)
                else "above 0"
            )
            raise UsageError(
                f"{asked}: no margin of {yardstick.metric}", hint=f"a number of {yardstick.unit}, {least}"
            )
        found[task] = own
    return found


def _yardstick(composition: Composition, task: str, chosen: str | None) -> Yardstick:
    metrics = composition.tasks[task].metrics
    able = [name for name, metric in metrics.items() if metric.scalar and metric.direction is not None]
    hint = f"metrics of {task!r} with a direction: {', '.join([*able, LOSS])}"
    if chosen is None and not able:
        raise UsageError(
            f"task {task!r} has no metric with a direction: nothing says which result is better",
            hint=f"judge it by its loss, --metric {task}={LOSS}, or give it another metric",
        )
    name = chosen or able[0]
    if name == LOSS:
        return Yardstick(task, LOSS, "lower", (-math.inf, math.inf))
    if name not in metrics:
        raise UsageError(
            f"--metric {task}={name}: task {task!r} is not measured by {name!r}",
            hint=suggest(name, [*able, LOSS], f"metrics of {task!r} with a direction"),
        )
    metric = metrics[name]
    if not metric.scalar:
        raise UsageError(f"--metric {task}={name}: {name!r} is a table, not a number", hint=hint)
    if metric.direction is None:
        raise UsageError(
            f"--metric {task}={name}: {name!r} has no direction: neither higher nor lower is better",
            hint=hint,
        )
    return Yardstick(task, name, metric.direction, (float(metric.bounds[0]), float(metric.bounds[1])))


def compared_metrics(metrics: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the test metrics by task that a comparison judges, from the content of a run's `metrics.json`.

    Those of the weights kept for all tasks; of each task's own best epoch where the run kept that too.
    """
    own = metrics.get("own_epoch", {})
    return {task: own[task]["test"] if task in own else values for task, values in metrics["test"].items()}
