"""Cross-entropy between class logits and the right class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...core.contracts import Form
from ..forms import Categorical
from .class_weighted import ClassWeightedLoss
from .class_weights import ClassWeightsOption, LabelSmoothingOption


class CrossEntropy(ClassWeightedLoss):
    """Minus the logarithm of the probability given to the right class, in nats, from logits `[B, K]`.

    The softmax is part of the loss: a head's raw output must not be squashed before.
    Raises `Incompatible` unless the answer is categorical, and has as many classes as weights are given.
    """

    mixes = True

    def __init__(
        self,
        target: Form,
        *,
        label_smoothing: LabelSmoothingOption = 0.0,
        class_weights: ClassWeightsOption = "none",
    ) -> None:
        count = len(target.classes) if isinstance(target, Categorical) else 0
        super().__init__(target, class_weights, count)
        self.label_smoothing = label_smoothing

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for classes, else the reason."""
        if isinstance(target, Categorical):
            return None
        return f"needs classes, not the answer form {target.form!r}"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]` of logits `[B, K]` for class indices `[B]`."""
        weight = None if self.weighing is None else self.weighing.weights
        return F.cross_entropy(raw, target, weight, reduction="none", label_smoothing=self.label_smoothing)
