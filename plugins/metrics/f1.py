"""The F1 score."""

from __future__ import annotations

from ...core.specs import TargetSpec
from .class_metric import AverageOption, ClassScore


class F1(ClassScore):
    """The harmonic mean of a class's precision and recall; of yes alone for yes or no."""

    def __init__(self, target: TargetSpec, *, average: AverageOption = None) -> None:
        super().__init__(target, "torchmetrics:F1Score", average)
