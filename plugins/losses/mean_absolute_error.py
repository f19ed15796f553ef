"""The mean absolute error."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .elements import ElementLoss


class MeanAbsoluteError(ElementLoss):
    """The mean over a sample's pixels or values of the absolute error; `[B]`, in the values' units."""

    def error(self, value: Tensor, target: Tensor) -> Tensor:
        """Return the absolute error of each element."""
        return F.l1_loss(value, target, reduction="none")
