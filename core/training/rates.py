"""The learning rate of every step, as a multiple of the recipe's."""

from __future__ import annotations

from ..base.errors import ComponentError
from ..composition.composition import Composition
from ..contracts import Moment


def rate_factors(composition: Composition, epoch: int, steps: int) -> list[float]:
    """Return what the learning rate is multiplied by in each of an epoch's `steps`; epochs count from 1.

    The schedule says that; over the epochs of `warm_up` it grows to its full size in equal parts. Raises
    `ComponentError` when the schedule gives what is no factor.
    """
    training = composition.recipe.train
    schedule = composition.training.schedule
    total, warm = training.epochs * steps, training.warm_up * steps
    found = []
    for step in range((epoch - 1) * steps, epoch * steps):
        factor = schedule.factor(Moment(step, total, epoch, training.epochs))
        if not 0 <= factor < float("inf"):
            label = composition.owners.label(schedule) or "the schedule"
            raise ComponentError(
                f"{label} gives {factor!r} in step {step + 1}; a factor is finite, 0 or more"
            )
        found.append(factor * (step + 1) / warm if step + 1 < warm else factor)
    return found
