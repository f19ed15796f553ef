"""delta-m: how much better a multitask model is than its single-task models, in percent."""

from __future__ import annotations

from collections.abc import Mapping

from .judging import Judge


def relative_gain(judge: Judge, value: float, alone: float) -> float | None:
    """Return the gain of a task over its single-task run, in percent of the latter; positive is better.

    None where the single-task value is not positive: nothing can be a percentage of it.

    >>> from math import inf
    >>> relative_gain(Judge("a", "error", "lower", (0, inf)), 0.9, 1.0)
    9.999999999999998
    """
    return 100 * judge.gain(value, alone) / alone if alone > 0 else None


def delta_m(
    judges: Mapping[str, Judge], values: Mapping[str, float], alone: Mapping[str, float]
) -> float | None:
    """Return the mean of the relative gains over the tasks (Maninis et al. 2019), in percent.

    One metric per task, the direction known; None when a task has no relative gain.
    """
    gains = [relative_gain(judge, values[task], alone[task]) for task, judge in judges.items()]
    known = [gain for gain in gains if gain is not None]
    return sum(known) / len(known) if known and len(known) == len(gains) else None
