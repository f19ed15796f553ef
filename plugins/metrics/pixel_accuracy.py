"""The share of pixels whose class is right."""

from __future__ import annotations

from ...core.contracts import Form
from ..forms import PixelClasses
from .class_metric import ClassMetric


class PixelAccuracy(ClassMetric):
    """The share of labelled pixels, of all samples together, whose class is right."""

    forms = (PixelClasses,)
    refusal = "needs a class per pixel, not the answer form {!r}"

    def __init__(self, target: Form) -> None:
        super().__init__(target, "torchmetrics:Accuracy", average="micro")
