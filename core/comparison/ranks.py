"""Ranks of values, ties sharing the mean of their places, and how far two orders agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the rank of each value, the smallest 1; equal ones have the mean of their ranks.

    >>> ranks([0.3, 0.1, 0.3]).tolist()
    [2.5, 1.0, 2.5]
    """
    given = np.asarray(values, dtype=np.float64)
    smaller = (given[None, :] < given[:, None]).sum(axis=1)
    equal = (given[None, :] == given[:, None]).sum(axis=1)
    found: NDArray[np.float64] = smaller + (equal + 1) / 2
    return found


def rank_correlation(values: Sequence[float], others: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None where one order has no two different values.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """
    first, second = ranks(values), ranks(others)
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first @ first) * (second @ second)))
    return None if size == 0 else float(first @ second) / size
