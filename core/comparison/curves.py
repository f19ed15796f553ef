"""Curves over epochs: mean and range over seeds of what the histories hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

History = Sequence[Mapping[str, float]]


def curves_of(histories: Sequence[History], tasks: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return, by column of the history, `{epoch, mean, low, high, n}` per epoch over the seeds that have it.

    The columns are the tasks' validation values, the cosines between gradients, the affinities and the
    balancer's weights.
    """
    columns = dict.fromkeys(key for history in histories for row in history for key in row)
    kept = [key for key in columns if _is_told(key, tasks)]
    return {key: points for key in kept if (points := _points(histories, key))}


def _is_told(key: str, tasks: Sequence[str]) -> bool:
    kind, *rest = key.split("/")
    if kind == "validation":
        return rest[0] in tasks
    return kind in ("cosine", "affinity", "weight") and all(part in tasks for part in rest)


def _points(histories: Sequence[History], key: str) -> list[dict[str, Any]]:
    by_epoch: dict[int, list[float]] = {}
    for history in histories:
        for row in history:
            value = row.get(key)
            if value is not None and math.isfinite(value):
                by_epoch.setdefault(int(row["epoch"]), []).append(value)
    return [
        {"epoch": epoch, "mean": fmean(values), "low": min(values), "high": max(values), "n": len(values)}
        for epoch, values in sorted(by_epoch.items())
    ]
