"""Binary cross-entropy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...core.contracts import Form
from ..forms import Binary, Image
from .adapter import Adapter

LEAST = 2.0**-24
"""How far from 1 the nearest float32 is."""


class BinaryCrossEntropy(Adapter):
    """The mean binary cross-entropy in nats of probabilities of yes, or of all pixels.

    A probability that was rounded to 0 or 1 counts as the number next to it: a certain and wrong answer costs
    16.6, and not more or less with how a runtime rounds.
    """

    bounds = (0.0, 16.7)
    forms = (Binary, Image)
    refusal = "needs yes or no, or an image, got a {} answer"

    def __init__(self, target: Form) -> None:
        # "disable": an answer that is not a number shows in the mean, and none is looked for at each update.
        super().__init__(target, "torchmetrics:MeanMetric", nan_strategy="disable")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add probabilities `[B]` and right answers `[B]`, or images `[B, C, H, W]`."""
        # What is no probability must not become one by clamping, and torch takes nothing else.
        known = prediction.isfinite()
        inside = prediction.where(known, 0.5).clamp(LEAST, 1.0 - LEAST)
        error = F.binary_cross_entropy(inside, target.to(inside.dtype), reduction="none")
        self.accumulate(error.where(known, torch.nan))
