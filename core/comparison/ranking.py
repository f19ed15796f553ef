"""Methods ranked over several data sets, and which differ (Demsar 2006).

With the mean ranks R of k methods over N data sets:

    chi2 = 12 N / (k (k + 1)) (sum R^2 - k (k + 1)^2 / 4)         Friedman
    F    = (N - 1) chi2 / (N (k - 1) - chi2)                      Iman and Davenport
    CD   = q sqrt(k (k + 1) / (6 N))                              Nemenyi; q: studentized range / sqrt 2
    z    = (R_i - R_j) / sqrt(k (k + 1) / (6 N))                  against one method, corrected by Holm
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import fdtrc, ndtr

from .ranks import ranks
from .statistics import ALPHA, holm


@dataclass(frozen=True)
class Ranking:
    """What ranks of methods over data sets say; `table` has a row of ranks for each data set, 1 is the best.

    `against` are the corrected p-values of the methods held against the `baseline`, where there is one.
    """

    methods: tuple[str, ...]
    table: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]
    chi2: float
    f: float
    p: float
    critical_difference: float
    baseline: str | None
    against: Mapping[str, float]

    @property
    def cliques(self) -> list[tuple[str, ...]]:
        """Groups of methods of which no two differ by the critical difference, the largest ones."""
        order = sorted(range(len(self.methods)), key=lambda at: (self.mean[at], at))
        found: list[tuple[int, int]] = []
        for first in range(len(order)):
            last = first
            while last + 1 < len(order) and self._near(order[first], order[last + 1]):
                last += 1
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return [tuple(self.methods[at] for at in order[first : last + 1]) for first, last in found]

    def _near(self, one: int, other: int) -> bool:
        return abs(self.mean[one] - self.mean[other]) < self.critical_difference

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "methods": list(self.methods),
            "ranks": [list(row) for row in self.table],
            "mean_ranks": dict(zip(self.methods, self.mean, strict=True)),
            "friedman": {"chi2": self.chi2, "f": self.f if math.isfinite(self.f) else None, "p": self.p},
            "critical_difference": self.critical_difference,
            "alpha": ALPHA,
            "not_different": [list(group) for group in self.cliques],
            "baseline": self.baseline,
            "holm_p": dict(self.against),
        }


def ranking(methods: Sequence[str], table: Sequence[Sequence[float]], baseline: str | None = None) -> Ranking:
    """Return what a table of ranks says, a row for each data set; there are two of both at least.

    >>> found = ranking(["a", "b"], [[1, 2], [1, 2], [2, 1]])
    >>> [round(rank, 3) for rank in found.mean], round(found.chi2, 3)
    ([1.333, 1.667], 0.333)
    """
    given = np.asarray(table, dtype=np.float64)
    count, k = given.shape
    mean = given.mean(axis=0)
    chi2 = float(12 * count / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4))
    rest = count * (k - 1) - chi2
    # Where all data sets agree nothing is left to chance.
    f = math.inf if rest <= 1e-9 else (count - 1) * chi2 / rest
    p = 0.0 if math.isinf(f) else float(fdtrc(k - 1, (k - 1) * (count - 1), f))
    error = math.sqrt(k * (k + 1) / (6 * count))
    against = {} if baseline is None else _against(list(methods), mean.tolist(), baseline, error)
    rows = tuple(tuple(row) for row in given.tolist())
    difference = critical_value(k) * error
    return Ranking(tuple(methods), rows, tuple(mean.tolist()), chi2, f, p, difference, baseline, against)


def _against(methods: list[str], mean: list[float], baseline: str, error: float) -> dict[str, float]:
    here = mean[methods.index(baseline)]
    others = [name for name in methods if name != baseline]
    values = [float(2 * ndtr(-abs(mean[methods.index(name)] - here) / error)) for name in others]
    return {name: p for name, p in zip(others, holm(values), strict=True) if p is not None}


def critical_value(k: int) -> float:
    """Return the critical value of Nemenyi's test at 5 % of so many methods.

    >>> [round(critical_value(k), 3) for k in (2, 4, 10)]
    [1.96, 2.569, 3.164]
    """
    from scipy.stats import studentized_range  # takes long to import

    return float(studentized_range.ppf(1 - ALPHA, k, np.inf)) / math.sqrt(2)


def ranks_of(values: Mapping[str, Sequence[float]], higher: Mapping[str, bool]) -> list[float]:
    """Return the rank of each method on one data set, from its values by task: of its mean rank over tasks.

    >>> ranks_of({"a": [0.9, 0.8, 0.8], "b": [3.0, 1.0, 2.0]}, {"a": True, "b": False})
    [2.0, 1.0, 3.0]
    """
    by_task = [ranks([-value if higher[task] else value for value in row]) for task, row in values.items()]
    return [float(rank) for rank in ranks(np.mean(by_task, axis=0).round(9).tolist())]
