"""Recall."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from .class_metric import AverageOption, ClassScore
from .class_table import ClassScores, share


class Recall(ClassScore):
    """The share of a class's samples that were found; of yes alone for yes or no."""

    def __init__(self, target: Form, *, average: AverageOption = None) -> None:
        super().__init__(target, _Found, average)


class _Found(ClassScores):
    """Shares of the samples of each class that were found."""

    def score(self, right: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
        return share(right, samples)
