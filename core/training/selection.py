"""Which epoch is kept, and when patience ends: decided on validation, by the losses or by a metric."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan

from ..composition.composition import ComposedTask
from ..recipe.recipe import Training

_MOST = sys.float_info.max


@dataclass
class Selection:
    """The best validation score so far, where patience counts from, and the tasks' first and best losses."""

    best: float = float("inf")
    reference: float = float("inf")
    waited: int = 0
    first: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)

    def score(self, losses: Mapping[str, float], weights: Mapping[str, float]) -> float:
        """Return the weighted mean of the tasks' losses, each relative to its size after the first epoch.

        Plain sums would let the task with the largest numbers choose the epoch alone.
        """
        self.first = self.first or {name: abs(loss) or 1.0 for name, loss in losses.items()}
        total = sum(weights.values()) or 1.0
        return sum(weights[name] * loss / self.first[name] for name, loss in losses.items()) / total

    def keep(self, score: float, training: Training) -> bool:
        """Take note of an epoch's score; return whether its weights are the ones to keep."""
        if score < self.reference - training.min_delta:
            self.reference, self.waited = score, 0
        else:
            self.waited += 1
        improved = score < self.best
        self.best = min(score, self.best)
        return improved or training.select == "last"

    def improved(self, losses: Mapping[str, float]) -> tuple[str, ...]:
        """Take note of an epoch's losses; return the tasks whose own loss was never as low."""
        better = {name: loss for name, loss in losses.items() if loss < self.own.get(name, float("inf"))}
        self.own |= better
        return tuple(better)

    def out_of_patience(self, training: Training) -> bool:
        """Return whether training stops here."""
        return training.patience is not None and self.waited >= training.patience


def watched(
    metrics: Mapping[str, Mapping[str, float]], watch: str, tasks: Mapping[str, ComposedTask]
) -> float:
    """Return the score of an epoch by the metric that `train.watch` names, finite: less is better.

    A metric that is no number is worse than any.
    """
    task, _, name = watch.partition("/")
    value = metrics[task][name]
    metric = tasks[task].metrics.get(name)
    score = -value if metric is not None and metric.direction == "higher" else value
    return _MOST if isnan(score) else max(-_MOST, min(_MOST, score))
