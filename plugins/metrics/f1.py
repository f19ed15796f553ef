"""The F1 score."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from .class_metric import AverageOption, ClassScore
from .class_table import ClassScores, share


class F1(ClassScore):
    """The harmonic mean of a class's precision and recall; of yes alone for yes or no."""

    def __init__(self, target: Form, *, average: AverageOption = None) -> None:
        super().__init__(target, _Means, average)


class _Means(ClassScores):
    """Harmonic means of precision and recall."""

    def score(self, right: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
        return share(2 * right, answers + samples)
