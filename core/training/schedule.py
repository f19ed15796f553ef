"""The learning rate of every epoch."""

from __future__ import annotations

import math

from ..recipe import Training


def learning_rate(training: Training, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 1.

    >>> training = Training(learning_rate=1.0, schedule="steps", milestones=(3,), decay=0.5)
    >>> [learning_rate(training, epoch) for epoch in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.5]
    """
    if training.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in training.milestones)
        return training.learning_rate * training.decay**passed
    if training.schedule == "cosine":
        return training.learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / training.epochs))
    return training.learning_rate
