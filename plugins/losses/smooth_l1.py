"""The smooth absolute error."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ...core.contracts import Form
from .elements import ElementLoss, Reduction


class SmoothL1(ElementLoss):
    """The mean over a sample's pixels or values of a smooth absolute error, `[B]`.

    `e^2 / (2 beta)` where `|e| < beta`, else `|e| - beta / 2`: equation 3 of Girshick (2015),
    "Fast R-CNN", with `beta` as in torch. Gradients are at most 1 in size.
    """

    def __init__(
        self,
        target: Form,
        *,
        beta: Annotated[float, Field(gt=0.0, description="Error at which the square ends.")] = 1.0,
    ) -> None:
        super().__init__(target)
        self.beta = beta

    def error(self, value: Tensor, target: Tensor, reduction: Reduction = "none") -> Tensor:
        """Return the smooth absolute error of each element, or the mean of all."""
        return F.smooth_l1_loss(value, target, reduction=reduction, beta=self.beta)
