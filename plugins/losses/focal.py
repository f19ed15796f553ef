"""The focal loss: cross-entropy in which what is answered well already counts less."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ...core.contracts import Form
from ..forms import Binary, Categorical
from .class_weighted import ClassWeightedLoss
from .class_weights import ClassWeightsOption

_TINY = 1e-6
"""The least doubt that is told from none: a power below 1 of nothing would have no gradient."""


class Focal(ClassWeightedLoss):
    """`-(1 - p)^gamma log p` for the probability `p` of the right answer, in nats, from logits; `[B]`.

    Equation 4 of Lin, Goyal, Girshick, He, Dollar (2017), "Focal Loss for Dense Object Detection"; with
    `class_weights`, equation 5. With `gamma` 0 it is cross-entropy.
    Raises `Incompatible` unless the answer is of classes or yes or no, with a weight per class if any.
    """

    def __init__(
        self,
        target: Form,
        *,
        gamma: Annotated[
            float, Field(ge=0.0, le=10.0, description="How much less a sure right answer counts.")
        ] = 2.0,
        class_weights: ClassWeightsOption = "none",
    ) -> None:
        super().__init__(target, class_weights, len(target.classes) if isinstance(target, Categorical) else 2)
        self.gamma = gamma

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for classes and for yes or no, else the reason."""
        if isinstance(target, Categorical | Binary):
            return None
        return f"needs classes or yes and no, not the answer form {target.form!r}"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]` of logits `[B, K]` or `[B]` for classes, int64 `[B]`."""
        if isinstance(self.target, Binary):
            logarithm = F.logsigmoid(torch.where(target == 1, raw, -raw))
        else:
            logarithm = raw.log_softmax(dim=1).gather(1, target.unsqueeze(1)).squeeze(1)
        doubt = -torch.expm1(logarithm)
        loss = -doubt.clamp(min=_TINY).pow(self.gamma) * logarithm
        return loss if self.weighing is None else loss * self.weighing.weights[target]
