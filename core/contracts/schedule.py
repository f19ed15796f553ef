"""The contract of a schedule: the learning rate over the course of a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """A step of a training: `step` of `steps` in all, counted from 0, in `epoch` of `epochs`, from 1."""

    step: int
    steps: int
    epoch: int
    epochs: int


class Schedule(ABC):
    """A function of the moment alone, so that a training can be resumed; constructed with options only."""

    @abstractmethod
    def factor(self, at: Moment) -> float:
        """Return what the recipe's learning rate is multiplied by in a step: finite, 0 or more."""

    def problem(self, epochs: int) -> str | None:
        """Return why it does not go with a training of so many epochs (it is longer, say), or None."""
        return None
