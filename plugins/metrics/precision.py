"""Precision."""

from __future__ import annotations

from ...core.contracts import Form
from .class_metric import AverageOption, ClassScore


class Precision(ClassScore):
    """The share of a class's predictions that are right; of yes alone for yes or no."""

    def __init__(self, target: Form, *, average: AverageOption = None) -> None:
        super().__init__(target, "torchmetrics:Precision", average)
