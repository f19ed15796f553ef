"""Binary cross-entropy."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...core.specs import Binary, Image, TargetSpec
from .adapter import Adapter


class BinaryCrossEntropy(Adapter):
    """The mean binary cross-entropy in nats of probabilities of yes, or of all pixels.

    A logarithm below -100 counts as -100, as in torch, so that one certain and wrong answer is not infinite.
    """

    bounds = (0.0, 100.0)
    forms = (Binary, Image)
    refusal = "needs yes or no, or an image, got a {} answer"

    def __init__(self, target: TargetSpec) -> None:
        # "disable": an answer that is not a number shows in the mean, and none is looked for at each update.
        super().__init__(target, "torchmetrics:MeanMetric", nan_strategy="disable")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add probabilities `[B]` and right answers `[B]`, or images `[B, C, H, W]`."""
        self.judge.update(F.binary_cross_entropy(prediction, target.to(prediction.dtype), reduction="none"))
