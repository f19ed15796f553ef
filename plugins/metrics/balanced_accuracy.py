"""The share of right answers, evenly over the classes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.contracts import Form
from .class_metric import ClassMetric
from .class_table import ClassTable


class BalancedAccuracy(ClassMetric):
    """The mean over the classes that occur of the share of each that was found, yes and no alike.

    A constant answer reaches one over the number of classes, however rare they are.
    """

    def __init__(self, target: Form) -> None:
        super().__init__(target, ClassTable)

    def compute(self) -> Tensor:
        """Return the value over everything added; NaN before anything was."""
        counts = super().compute().to(torch.float32)
        if counts.ndim == 0:
            return counts
        true = counts.sum(dim=1)
        occurs = true > 0
        return (counts.diagonal()[occurs] / true[occurs]).mean()
