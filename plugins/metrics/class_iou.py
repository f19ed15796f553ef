"""The intersection over union of each class of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.contracts import Form
from ..forms import PixelClasses
from .class_metric import ClassMetric
from .class_table import ClassTable


class ClassIou(ClassMetric):
    """A row for each class, NaN where there is nothing to judge; pixels without a label count nothing.

    Its labelled pixels, its intersection over union (right pixels over all that are of the class or answered
    so), the share of its pixels that were found (recall), and of its answers that are right (precision).
    """

    direction = None
    bounds = (0.0, float("inf"))
    scalar = False
    columns = ("pixels", "intersection over union", "found", "right")
    forms = (PixelClasses,)
    refusal = "needs a class per pixel, not the answer form {!r}"

    def __init__(self, target: Form) -> None:
        super().__init__(target, ClassTable)

    def compute(self) -> Tensor:
        """Return the table, float32 `[K, 4]`."""
        counts = super().compute().double()
        if counts.ndim == 0:
            return torch.full((self.classes, len(self.columns)), torch.nan)
        true, given, both = counts.sum(dim=1), counts.sum(dim=0), counts.diagonal()
        return torch.stack([true, both / (true + given - both), both / true, both / given], dim=1).float()
