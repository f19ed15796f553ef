"""The F1 score."""

from __future__ import annotations

from ...core.contracts import Form
from .class_metric import AverageOption, ClassScore


class F1(ClassScore):
    """The harmonic mean of a class's precision and recall; of yes alone for yes or no."""

    def __init__(self, target: Form, *, average: AverageOption = None) -> None:
        super().__init__(target, "torchmetrics:F1Score", average)
