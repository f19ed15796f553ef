"""The mean absolute error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .elements import ElementLoss, Reduction


class MeanAbsoluteError(ElementLoss):
    """The mean over a sample's pixels or values of the absolute error; `[B]`, in the values' units."""

    def error(self, value: Tensor, target: Tensor, reduction: Reduction = "none") -> Tensor:
        """Return the absolute error of each element, or the mean of all."""
        return F.l1_loss(value, target, reduction=reduction)
