"""Precision."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from .class_metric import AverageOption, ClassScore
from .class_table import ClassScores, share


class Precision(ClassScore):
    """The share of a class's predictions that are right; of yes alone for yes or no."""

    def __init__(self, target: Form, *, average: AverageOption = None) -> None:
        super().__init__(target, _Right, average)


class _Right(ClassScores):
    """Shares of the answers of each class that are right."""

    def score(self, right: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
        return share(right, answers)
