"""Estimates from few seeds: paired bootstrap, Student's t, and Holm's correction.

With n seeds a percentile bootstrap of the mean cannot reach beyond the data: for 3 seeds its 95 % interval is
the range of the three differences, which covers the truth 75 times in 100. A verdict therefore asks both
intervals, and the interval it quotes is the smallest one that holds them both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
MINIMUM_SEEDS = 3
EXACT_UP_TO = 8
RESAMPLES = 20_000

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """The mean of paired differences over `n` seeds, and what is known about it.

    `sd` and everything after it are None where they cannot be computed: below two seeds all of them; `p` and
    `student` also where every seed gave the same difference, so that the spread between seeds is not known.
    """

    n: int
    mean: float
    sd: float | None = None
    bootstrap: Interval | None = None
    student: Interval | None = None
    p: float | None = None

    @property
    def interval(self) -> Interval | None:
        """The smallest interval that holds both others; None when there are not both."""
        if self.bootstrap is None or self.student is None:
            return None
        return min(self.bootstrap[0], self.student[0]), max(self.bootstrap[1], self.student[1])

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        return {
            "n": self.n,
            "mean": self.mean,
            "sd": self.sd,
            "interval": listed(self.interval),
            "bootstrap": listed(self.bootstrap),
            "student": listed(self.student),
            "p": self.p,
        }


def listed(interval: Interval | None) -> list[float] | None:
    """Return an interval as JSON knows it."""
    return None if interval is None else [*interval]


def estimate(differences: Sequence[float]) -> Estimate:
    """Return what paired differences, one per seed, say about their mean.

    >>> found = estimate([0.1, 0.2, 0.3])
    >>> [round(value, 3) for value in (found.mean, *found.bootstrap)]
    [0.2, 0.1, 0.3]
    """
    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    if n == 0:
        raise ValueError("an estimate needs at least one difference")
    mean = float(values.mean())
    if n == 1:
        return Estimate(n, mean)
    sd = float(values.std(ddof=1))
    bootstrap = bootstrap_interval(values)
    if sd <= 1e-12 * max(1.0, abs(mean)):
        return Estimate(n, mean, 0.0, bootstrap)
    half = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * sd / math.sqrt(n)
    p = float(2 * stats.t.sf(abs(mean) / (sd / math.sqrt(n)), n - 1))
    return Estimate(n, mean, sd, bootstrap, (mean - half, mean + half), p)


def bootstrap_interval(values: NDArray[np.float64]) -> Interval:
    """Return the percentile bootstrap interval of the mean (Efron and Tibshirani 1993, section 13.3).

    Up to 8 values all n^n resamples are counted, each multiset once with its multinomial weight: the interval
    is exact. Above, 20,000 resamples are drawn with a fixed seed. Both are the same at every call.
    """
    n = len(values)
    if n <= EXACT_UP_TO:
        counts, weights = _multisets(n)
        means = counts @ values / n
    else:
        random = np.random.default_rng(0)
        means = values[random.integers(n, size=(RESAMPLES, n))].mean(axis=1)
        weights = np.full(RESAMPLES, 1 / RESAMPLES)
    order = np.argsort(means)
    means, weights = means[order], weights[order]
    tail = (1 - LEVEL) / 2 - 1e-12
    # From both ends alike: the first mean whose tail, itself included, is not smaller than 2.5 %.
    low = means[np.searchsorted(np.cumsum(weights), tail)]
    high = means[::-1][np.searchsorted(np.cumsum(weights[::-1]), tail)]
    return float(low), float(high)


@cache
def _multisets(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how often each of n values occurs in every possible resample, `[M, n]`, and its probability."""
    drawn = np.array(list(combinations_with_replacement(range(n), n)))
    counts = (drawn[:, :, None] == np.arange(n)).sum(axis=1)
    ways = [math.factorial(n) / math.prod(math.factorial(int(k)) for k in row) for row in counts]
    return counts.astype(np.float64), np.array(ways) / n**n


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for the number of comparisons (Holm 1979); None stays None and is not counted.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((value, index) for index, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    least = 0.0
    for rank, (value, index) in enumerate(known):
        least = max(least, min(1.0, value * (len(known) - rank)))
        adjusted[index] = least
    return adjusted
