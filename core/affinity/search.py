"""The best grouping within a budget, by looking at every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .partitions import Group, Parts, groups_of, partitions, shown
from .prices import Budget, Price, price_of_all
from .values import GroupValues, value_of


@dataclass(frozen=True)
class Grouping:
    """A way to part the tasks: its price, and what a task gains in it on average.

    `interval` and `chosen`, the share of draws in which it is the best one, are None where the spread over
    seeds is not known. `measured` says that each of its groups was trained.
    """

    parts: Parts
    price: Price
    gain: float
    interval: tuple[float, float] | None
    chosen: float | None
    measured: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": shown(self.parts),
            "groups": [list(group) for group in self.parts],
            **self.price.to_json(),
            "gain": self.gain,
            "interval": None if self.interval is None else list(self.interval),
            "chosen": self.chosen,
            "measured": self.measured,
        }


def ranked(
    tasks: Group, known: GroupValues, prices: Mapping[Group, Price], budget: Budget, level: float
) -> list[Grouping]:
    """Return every grouping within the budget whose value is known, the best first; of equals the cheaper.

    `level` is that of the intervals, which say what draws over the seeds leave possible.
    """
    values = {group: value_of(group, known) for group in groups_of(tasks)}
    priced = sorted(
        (price_of_all(parts, prices), len(parts), parts)
        for parts in partitions(tasks)
        if all(values[group] is not None for group in parts)
    )
    allowed = [(price, parts) for price, _, parts in priced if budget.allows(price)]
    if not allowed:
        return []
    matrix = _matrix([parts for _, parts in allowed], values) / len(tasks)
    seen, draws = matrix[:, 0], matrix[:, 1:]
    ends = (0.5 - level / 2, 0.5 + level / 2)
    spans = np.quantile(draws, ends, axis=1).T if draws.size else None
    best = np.bincount(draws.argmax(axis=0), minlength=len(allowed)) / draws.shape[1] if draws.size else None
    order = np.argsort(-seen.round(12), kind="stable")
    return [
        Grouping(
            parts=allowed[at][1],
            price=allowed[at][0],
            gain=float(seen[at]),
            interval=None if spans is None else (float(spans[at, 0]), float(spans[at, 1])),
            chosen=None if best is None else float(best[at]),
            measured=all(len(group) == 1 or group in known for group in allowed[at][1]),
        )
        for at in order.tolist()
    ]


def _matrix(many: Sequence[Parts], values: Mapping[Group, NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """Return the value of every grouping, `[P, 1 + D]`: the sum of those of its groups."""
    known = {group: value for group, value in values.items() if value is not None}
    width = max(len(value) for value in known.values())
    rows = np.stack([np.broadcast_to(value, width) for value in known.values()])
    place = {group: row for row, group in enumerate(known)}
    chosen = np.zeros((len(many), len(known)))
    for row, parts in enumerate(many):
        chosen[row, [place[group] for group in parts]] = 1.0
    found: NDArray[np.float64] = chosen @ rows
    return found


def front(found: Sequence[Grouping], measure: str) -> list[Grouping]:
    """Return the groupings than which none is cheaper and better, by `measure` of the price, cheapest first.

    >>> front([], "parameters")
    []
    """
    kept: list[Grouping] = []
    for grouping in sorted(found, key=lambda it: (vars(it.price)[measure], -it.gain)):
        if not kept or grouping.gain > kept[-1].gain + 1e-12:
            kept.append(grouping)
    return kept
