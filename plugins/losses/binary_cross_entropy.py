"""Binary cross-entropy between logits and yes or no, or between pixel logits and pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...core.base.errors import Incompatible
from ...core.contracts import Form
from ..forms import Binary, Image
from .class_weighted import ClassWeightedLoss
from .class_weights import ClassWeightsOption
from .elements import sample_mean


class BinaryCrossEntropy(ClassWeightedLoss):
    """Binary cross-entropy in nats, from logits; for an image, the mean over its pixels.

    The sigmoid is part of the loss: a head's raw output must not be squashed before.
    Raises `Incompatible` unless the answer is yes or no, which takes two class weights, or an image with
    `link="logit"`, which takes none.
    """

    mixes = True

    def __init__(self, target: Form, *, class_weights: ClassWeightsOption = "none") -> None:
        super().__init__(target, class_weights, 2)
        if class_weights != "none" and isinstance(target, Image):
            raise Incompatible("option `class_weights` is for yes or no, not for pixels")

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for yes or no and for an image of logits, else the reason."""
        if isinstance(target, Binary) or (isinstance(target, Image) and target.link == "logit"):
            return None
        if isinstance(target, Image):
            return "needs pixel logits, got an image of pixel values: use mse or l1"
        return f"needs yes or no, or an image of logits, got a {target.form} answer"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]` of logits for targets in 0..1 of the same shape."""
        error = F.binary_cross_entropy_with_logits(raw, target.to(raw.dtype), reduction="none")
        if isinstance(self.target, Image):
            return sample_mean(error)
        return error if self.weighing is None else error * self.weighing.weights[target]
