"""What groups of tasks are worth: measured where they were trained, else the mean of their pairs.

Every value is a row of numbers `[1 + D]`: what was seen, then D draws of what the seeds leave possible. A
mean over n seeds is drawn as m + t s / sqrt(n), with t of Student's distribution of n - 1 degrees: what is
known of the mean of normal values whose spread is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from ..comparison.yardsticks import Yardstick
from .partitions import Group

DRAWS = 2000

Drawn = NDArray[np.float64]
"""`[1 + D]`"""
GroupValues = Mapping[Group, Mapping[str, Drawn]]
"""By group, what its tasks gain in it."""


@dataclass
class Drawing:
    """Draws means from values over seeds; `count` is 0 where one seed leaves its spread unknown."""

    count: int
    _random: np.random.Generator

    @classmethod
    def of(cls, samples: Sequence[Sequence[float]]) -> Drawing:
        """Return a drawing for groups of values: none is drawn where one of them has no spread."""
        least = min(map(len, samples), default=0)
        return cls(DRAWS if least > 1 else 0, np.random.default_rng(0))

    def mean(self, values: Sequence[float]) -> Drawn:
        """Return the mean of values over seeds, and draws of it."""
        given = np.asarray(values, dtype=np.float64)
        mean = float(given.mean())
        if not self.count:
            return np.array([mean])
        error = float(given.std(ddof=1)) / len(given) ** 0.5
        steps = self._random.standard_t(len(given) - 1, self.count)
        return np.concatenate([[mean], mean + error * steps])


def gains(
    yardsticks: Mapping[str, Yardstick],
    together: Mapping[Group, Mapping[str, Sequence[float]]],
    alone: Mapping[str, Sequence[float]],
) -> GroupValues:
    """Return what each task gains in each group that was trained, in percent of its value alone.

    `together` and `alone` have a value for each seed. A group is left out where a task has no value, and
    where that alone is not above 0: nothing is a percentage of it.
    """
    used = [values for group in together.values() for values in group.values()] + list(alone.values())
    drawing = Drawing.of([values for values in used if values])
    singles = {task: drawing.mean(values) for task, values in alone.items() if values}
    found: dict[Group, dict[str, Drawn]] = {}
    for group, by_task in together.items():
        if not all(by_task.get(task) and task in singles and singles[task][0] > 0 for task in group):
            continue
        found[group] = {}
        for task in group:
            sign = 1.0 if yardsticks[task].direction == "higher" else -1.0
            base = singles[task]
            found[group][task] = 100 * sign * (drawing.mean(by_task[task]) - base) / base
    return found


def directed(pairs: Mapping[tuple[str, str], Sequence[float]]) -> GroupValues:
    """Return the values of pairs of tasks from `{(A, B): what A does to B, of each seed}`."""
    drawing = Drawing.of(list(pairs.values()))
    means = {pair: drawing.mean(values) for pair, values in pairs.items() if values}
    order = list(dict.fromkeys(task for pair in pairs for task in pair))
    found: dict[Group, dict[str, Drawn]] = {}
    for first, second in permutations(order, 2):
        if order.index(first) < order.index(second) and {(first, second), (second, first)} <= means.keys():
            found[first, second] = {second: means[first, second], first: means[second, first]}
    return found


def value_of(group: Group, known: GroupValues) -> Drawn | None:
    """Return the sum over its tasks of what they gain in a group; None where something of it is not known.

    Alone a task gains nothing. In a group that was not trained it gains the mean of what it gains in the
    pairs with each of the others (Standley et al. 2020; Fifty et al. 2021).
    """
    if len(group) == 1:
        return np.zeros(1)
    if group in known:
        return np.asarray(sum(known[group].values()))
    total = np.zeros(1)
    for task in group:
        pairs = [_pair(known, task, other) for other in group if other != task]
        if any(pair is None for pair in pairs):
            return None
        total = total + sum(pair for pair in pairs if pair is not None) / len(pairs)
    return total


def _pair(known: GroupValues, task: str, other: str) -> Drawn | None:
    return next((values[task] for group, values in known.items() if set(group) == {task, other}), None)
