"""The mean squared error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .elements import ElementLoss, Reduction


class MeanSquaredError(ElementLoss):
    """The mean over a sample's pixels or values of the squared error; `[B]`, in squared units."""

    def error(self, value: Tensor, target: Tensor, reduction: Reduction = "none") -> Tensor:
        """Return the squared error of each element, or the mean of all."""
        return F.mse_loss(value, target, reduction=reduction)
