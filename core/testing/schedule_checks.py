"""Checks of schedules: usable factors, of the moment alone."""

from __future__ import annotations

from math import isfinite

from ..contracts import Moment, Schedule
from .checks import check, require
from .subjects import Subject

_TRAININGS = ((1, 1), (1, 7), (3, 1), (5, 4))
"""Epochs and steps of an epoch of the trainings that schedules are tried on."""


@check("schedule")
def check_factors_are_usable(subject: Subject) -> None:
    """Factors are finite and 0 or more in every step of any training, and not all 0."""
    schedule: Schedule = subject.build()
    for epochs, steps in _TRAININGS:
        factors = [schedule.factor(moment) for moment in _moments(epochs, steps)]
        require(
            all(isfinite(factor) and factor >= 0 for factor in factors) and any(factors),
            f"finite factors of 0 or more in {epochs} epochs of {steps} steps",
            factors,
            "look for a division by the number of steps or epochs, which may be 1",
        )


@check("schedule")
def check_factors_depend_on_the_moment_alone(subject: Subject) -> None:
    """The same moment gives the same factor, in whatever order it is asked: a training may be resumed."""
    moments = _moments(5, 4)
    forwards = [subject.build().factor(moment) for moment in moments]
    schedule: Schedule = subject.build()
    backwards = [schedule.factor(moment) for moment in reversed(moments)]
    require(
        forwards == backwards[::-1],
        "the same factors in any order",
        "others",
        "compute the factor from the moment; keep nothing between calls",
    )


def _moments(epochs: int, steps: int) -> list[Moment]:
    return [Moment(step, epochs * steps, 1 + step // steps, epochs) for step in range(epochs * steps)]
