"""What a comparison can find with its seeds and its number of variants: said before anything is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import betaincinv, nctdtr, stdtrit

from .grid import Grid
from .look import PLANNED, Look
from .statistics import ALPHA, MINIMUM_SEEDS

EFFECT = 2.0
"""The gain that is asked about, in standard deviations of one training over seeds."""
CHANCE = 0.8
"""The chance with which a comparison ought to find it."""
_QUANTILES = 200
_HALVINGS = 30


@dataclass(frozen=True)
class Power:
    """What can be found with so many seeds and comparisons of tasks, `share` of the 5 % being theirs.

    The least number of seeds that would do is one that is planned beforehand.
    """

    seeds: int
    comparisons: int
    share: float = PLANNED

    @property
    def chance(self) -> float:
        """The chance that a gain of `EFFECT` gets a verdict; 0 below the least number of seeds."""
        if self.seeds < MINIMUM_SEEDS:
            return 0.0
        return power(self.seeds, self.comparisons, share=self.share)

    @cached_property
    def seeds_needed(self) -> int:
        """The least number of seeds that find it with `CHANCE`."""
        seeds = MINIMUM_SEEDS
        while power(seeds, self.comparisons) < CHANCE:
            seeds += 1
        return seeds

    def sentence(self) -> str:
        """Return what can be found, in words, and the number of seeds that would do where these do not.

        >>> Power(5, 2).sentence()  # doctest: +NORMALIZE_WHITESPACE
        'with 5 seeds and 2 comparisons, a variant that is truly better by 2 times the spread from seed to
        seed will be found better in 57 of 100 cases; with 7 seeds, in 80'
        """
        better = f"a variant that is truly better by {EFFECT:g} times the spread from seed to seed"
        seeds = f"{self.seeds} seed{'s' if self.seeds != 1 else ''}"
        if self.seeds < MINIMUM_SEEDS:
            least = f"nothing can be concluded from {seeds}: {MINIMUM_SEEDS} are the least"
            return (
                f"{least}; with {self.seeds_needed}, {better} will be found better in {of_100(CHANCE)} cases"
            )
        asked = f"with {seeds} and {self.comparisons} comparison{'s' if self.comparisons != 1 else ''}"
        found = f"{asked}, {better} will be found better in {of_100(self.chance)} cases"
        if self.chance < CHANCE:
            found += f"; with {self.seeds_needed} seeds, in {100 * CHANCE:.0f}"
        return found

    @cached_property
    def found_effect(self) -> float | None:
        """The gain that these seeds find with `CHANCE`, in standard deviations of a training; None: none."""
        if self.seeds < MINIMUM_SEEDS:
            return None
        low, high = 0.0, 1.0
        while power(self.seeds, self.comparisons, high, self.share) < CHANCE:
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            enough = power(self.seeds, self.comparisons, middle, self.share) >= CHANCE
            low, high = (low, middle) if enough else (middle, high)
        return high

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "effect_sd": EFFECT,
            "comparisons": self.comparisons,
            "chance": self.chance,
            "wanted": CHANCE,
            "seeds_needed": self.seeds_needed,
            "found_sd": self.found_effect,
        }


def power_of(grid: Grid, planned: int | None = None) -> Power:
    """Return what a grid can find: every variant that is held against something is, on every task.

    `planned` is the number of seeds decided on before anything was trained, by default the grid's.
    """
    look = Look(len(grid.seeds), planned or len(grid.seeds))
    return Power(len(grid.seeds), grid.comparisons, look.share)


def power(seeds: int, comparisons: int, effect: float = EFFECT, share: float = PLANNED) -> float:
    """Return the chance that a gain of `effect` standard deviations of a training gets a verdict.

    Of Welch's t test of two groups of `seeds` normal values with the same spread, at the level that Holm's
    correction asks of the first of so many comparisons: the others may be of no difference at all. `share` is
    the look's share of the 5 %.

    >>> round(power(3, 2), 2), round(power(5, 2), 2)
    (0.17, 0.57)
    """
    each = seeds - 1
    # The statistic is a noncentral t whatever share of the spread falls to one group, but the share, which is
    # beta-distributed, decides the degrees of freedom that the test believes in.
    shares = betaincinv(each / 2, each / 2, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    believed = each / (shares**2 + (1 - shares) ** 2)
    bounds = stdtrit(believed, 1 - ALPHA * share / 2 / comparisons)
    return float(np.mean(1 - nctdtr(2 * each, effect * math.sqrt(seeds / 2), bounds)))


def of_100(chance: float) -> str:
    """Return a chance as people count.

    >>> of_100(0.174)
    '17 of 100'
    """
    return f"{100 * chance:.0f} of 100"
