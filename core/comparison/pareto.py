"""The Pareto front: the variants that no other one beats on one task without losing on another."""

from __future__ import annotations

from collections.abc import Mapping

from .yardsticks import Yardstick


def front(points: Mapping[str, Mapping[str, float]], yardsticks: Mapping[str, Yardstick]) -> list[str]:
    """Return the names of the points that are not dominated, in their order.

    A point dominates another when it is at least as good on every task and better on one.

    >>> from math import inf
    >>> a, b = Yardstick("a", "accuracy", "higher", (0, 1)), Yardstick("b", "error", "lower", (0, inf))
    >>> front({"x": {"a": 0.9, "b": 2.0}, "y": {"a": 0.8, "b": 1.0}, "z": {"a": 0.8, "b": 2.0}},
    ...       {"a": a, "b": b})
    ['x', 'y']
    """

    def dominates(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
        gains = [yardstick.gain(first[task], second[task]) for task, yardstick in yardsticks.items()]
        return min(gains) >= 0 and max(gains) > 0

    return [
        name
        for name, point in points.items()
        if not any(dominates(other, point) for other in points.values())
    ]
