"""Estimates from few seeds: Welch's t test of two groups of trainings, and Holm's correction.

The trainings of a variant and the single-task ones are two independent groups. They share their seeds, but a
seed is no pair: after some epochs two networks of different shape have nothing in common but the data, and a
paired test would have half the degrees of freedom (docs/compare.md has the measured correlations).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

LEVEL = 0.95
ALPHA = 0.05
MINIMUM_SEEDS = 3

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """How far the mean of one group is from that of another, and what is known about it.

    `n` is the size of the smaller group; `error` is the standard error of the difference, with Welch's
    `degrees` of freedom. All but `n` and `mean` are None where a group has one value; where no group has any
    spread the `error` is 0 and the rest None, since the spread between seeds is not known.
    """

    n: int
    mean: float
    error: float | None = None
    degrees: float | None = None
    interval: Interval | None = None
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        interval = None if self.interval is None else [*self.interval]
        return {**vars(self), "interval": interval}


def difference(values: Sequence[float], others: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return what two independent groups say about the difference of their means (Welch 1947).

    The interval is of the given level.

    >>> found = difference([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    >>> found.mean, round(found.degrees, 6), round(found.p, 3)
    (1.0, 4.0, 0.288)
    """
    groups = [np.asarray(group, dtype=np.float64) for group in (values, others)]
    n = min(map(len, groups))
    if n == 0:
        raise ValueError("a difference needs a value in both groups")
    mean = float(groups[0].mean() - groups[1].mean())
    if n == 1:
        return Estimate(n, mean)
    parts = [float(group.var(ddof=1)) / len(group) for group in groups]
    error = math.sqrt(sum(parts))
    if error <= 1e-12 * max(1.0, *(abs(float(group.mean())) for group in groups)):
        return Estimate(n, mean, 0.0)
    # Welch 1947, equation 28, with Satterthwaite's degrees of freedom.
    shares = [part / error**2 for part in parts]
    degrees = 1 / sum(share**2 / (len(group) - 1) for share, group in zip(shares, groups, strict=True))
    half = float(stdtrit(degrees, 0.5 + level / 2)) * error
    p = float(2 * stdtr(degrees, -abs(mean) / error))
    return Estimate(n, mean, error, degrees, (mean - half, mean + half), p)


def equivalence(found: Estimate, margin: float) -> float | None:
    """Return the p-value of two one-sided tests that the difference is within +-margin (Schuirmann 1987).

    It is small where the difference is surely neither below -margin nor above it. None where `p` is.

    >>> found = difference([1.0, 1.1, 0.9, 1.0], [1.0, 0.9, 1.1, 1.05])
    >>> equivalence(found, 0.5) < 0.001 < equivalence(found, 0.1)
    True
    """
    if found.error is None or found.degrees is None:
        return None
    below = stdtr(found.degrees, (-margin - found.mean) / found.error)
    above = stdtr(found.degrees, (found.mean - margin) / found.error)
    return float(max(below, above))


def holm(values: Sequence[float | None], others: int = 0) -> list[float | None]:
    """Return p-values adjusted for the number of comparisons (Holm 1979); None stays None and is not counted.

    `others` is how many more were made, whose p-values are taken to be larger than all of these.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    >>> holm([0.01, None, 0.04], others=1)
    [0.03, None, 0.08]
    """
    known = sorted((value, index) for index, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    least = 0.0
    for rank, (value, index) in enumerate(known):
        least = max(least, min(1.0, value * (len(known) + others - rank)))
        adjusted[index] = least
    return adjusted
