"""Cross-entropy between class logits and the right class at every pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...core.contracts import Form
from ..forms import PixelClasses
from .class_weighted import ClassWeightedLoss
from .class_weights import ClassWeightsOption, LabelSmoothingOption
from .elements import known_mean

_PART = 64
"""Samples whose pixels are counted at once."""


class PixelCrossEntropy(ClassWeightedLoss):
    """The mean over a sample's labelled pixels of minus the logarithm of the right class's probability.

    In nats, from logits `[B, K, H, W]`. Pixels without a label (-1) count nothing.
    Raises `Incompatible` unless the answer is a class per pixel, with as many classes as weights are given.
    """

    def __init__(
        self,
        target: Form,
        *,
        label_smoothing: LabelSmoothingOption = 0.0,
        class_weights: ClassWeightsOption = "none",
    ) -> None:
        super().__init__(
            target, class_weights, len(target.classes) if isinstance(target, PixelClasses) else 0
        )
        self.label_smoothing = label_smoothing

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for a class per pixel, else the reason."""
        if isinstance(target, PixelClasses):
            return None
        return f"needs a class per pixel, not the answer form {target.form!r}"

    def fit(self, targets: Tensor) -> None:
        """Take how many pixels of the training labels `[N, H, W]` are of each class."""
        assert self.weighing is not None
        counts = torch.zeros(len(self.weighing.weights), dtype=torch.int64)
        for part in targets.split(_PART):
            counts += torch.bincount(part[part >= 0].long(), minlength=len(counts))
        self.weighing.fit_counts(counts)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]` of logits `[B, K, H, W]` for classes `[B, H, W]`."""
        known = self.target.known(target)
        weight = None if self.weighing is None else self.weighing.weights
        error = F.cross_entropy(
            raw,
            target.clamp(min=0),
            weight,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return known_mean(error, known)
