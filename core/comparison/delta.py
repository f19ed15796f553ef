"""delta-m: how much better a multitask model is than its single-task models, in percent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from .statistics import LEVEL, Estimate, difference
from .yardsticks import Yardstick

Values = Mapping[str, float]


def relative_gain(yardstick: Yardstick, value: float, alone: float) -> float | None:
    """Return the gain of a task over its single-task run, in percent of the latter; positive is better.

    None where the single-task value is not positive: nothing can be a percentage of it.

    >>> from math import inf
    >>> relative_gain(Yardstick("a", "error", "lower", (0, inf)), 0.9, 1.0)
    9.999999999999998
    """
    return 100 * yardstick.gain(value, alone) / alone if alone > 0 else None


def delta_m(
    yardsticks: Mapping[str, Yardstick],
    values: Sequence[Values],
    alone: Sequence[Values],
    level: float = LEVEL,
) -> Estimate | None:
    """Return the mean of the tasks' relative gains (Maninis et al. 2019), in percent, of means over seeds.

    `values` and `alone` have a value per task for each seed. One metric per task, the direction known; None
    without any seed, and when a task has no relative gain. The interval is of the given level.
    """
    if not values or not alone:
        return None
    means = {task: fmean(seed[task] for seed in values) for task in yardsticks}
    means_alone = {task: fmean(seed[task] for seed in alone) for task in yardsticks}
    if any(mean <= 0 for mean in means_alone.values()):
        return None
    # Relative to the single-task means, a seed scores 100/T sum_i s_i M_i / B_i with s_i = -1 where less is
    # better. That B_i is itself a mean adds the second group's spread, times M_i / B_i (the delta method).
    ratios = {task: means[task] / means_alone[task] for task in yardsticks}
    scores = [
        fmean(
            100 * yardstick.gain(seed[task] / means_alone[task], 0.0)
            for task, yardstick in yardsticks.items()
        )
        for seed in values
    ]
    scores_alone = [
        fmean(
            100 * yardstick.gain(1 + ratios[task] * (seed[task] / means_alone[task] - 1), 0.0)
            for task, yardstick in yardsticks.items()
        )
        for seed in alone
    ]
    return difference(scores, scores_alone, level)
