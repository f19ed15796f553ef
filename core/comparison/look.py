"""Looks: verdicts stay right for who looks, adds seeds, and looks again.

A test at 5 % after every few seeds is wrong more often than in 5 %: each look is one more chance. So the 5 %
are shared out among all the looks there can ever be. The look after the n0 seeds that were planned gets four
fifths, those after more seeds share the last one:

    share(n) = 4/5                    for n = n0
    share(n) = 1/5 n0 / (n (n - 1))   for n > n0

All shares together are 1, since 1 / (n (n - 1)) = 1 / (n - 1) - 1 / n. By the union bound, at any number of
seeds, however it was chosen, a test at 5 % of its share is wrong in 5 % at most, and intervals that leave out
5 % of their share are a confidence sequence: all of them hold together with 95 % (Darling, Robbins 1967 for
the idea; shares of a level over looks: Lan, DeMets 1983).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .statistics import ALPHA

PLANNED = 0.8
"""The share of the look that was planned: who never looks again pays little for those who do."""


@dataclass(frozen=True)
class Look:
    """A look at the results of so many seeds; `planned` were decided on before anything was trained.

    >>> Look(5, 5).share, Look(5, 5).level, round(Look(16, 6).share, 12)
    (0.8, 0.96, 0.005)
    """

    seeds: int
    planned: int

    @property
    def share(self) -> float:
        """The share of the 5 % that this look may use; one before its time may use the planned one's."""
        if self.seeds <= self.planned:
            return PLANNED
        return (1 - PLANNED) * self.planned / (self.seeds * (self.seeds - 1))

    @property
    def early(self) -> bool:
        """Whether fewer seeds are there than were planned: nothing is sure before its time."""
        return self.seeds < self.planned

    @property
    def level(self) -> float:
        """The level of an interval of this look, which holds together with those of all the others."""
        return 1 - ALPHA * self.share

    def adjusted(self, p: float | None) -> float | None:
        """Return a p-value that may be held against 5 % however often one looks.

        >>> round(Look(5, 5).adjusted(0.02), 6), Look(5, 5).adjusted(0.9)
        (0.025, 1.0)
        """
        return None if p is None else min(1.0, p / self.share)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {"seeds": self.seeds, "planned": self.planned, "share": self.share, "level": self.level}
