"""The loss of named points."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Loss
from ..forms import Points


class PointsLoss(Loss):
    """The mean over a sample's visible points of a smooth absolute error, and that of visibility, `[B]`.

    The first is `smooth-l1` of x and of y, added; the second, times `visibility`, is the mean over all points
    of the binary cross-entropy of being visible. Raises `Incompatible` for targets that are no points.
    """

    def __init__(
        self,
        target: Form,
        *,
        beta: Annotated[float, Field(gt=0.0, description="Error at which the square ends.")] = 0.05,
        visibility: Annotated[float, Field(ge=0.0, description="Weight of telling which are.")] = 0.1,
    ) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self.beta = beta
        self.visibility = visibility

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for points, else the reason."""
        return None if isinstance(target, Points) else f"needs points, got a {target.form} answer"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample, `[B]`."""
        known = self.target.known(target)
        visible = known[..., 0].to(raw.dtype)
        # An invisible place is NaN, and NaN times zero would still be NaN.
        error = F.smooth_l1_loss(raw[..., :2], target.where(known, 0.0), reduction="none", beta=self.beta)
        places = (error.sum(dim=-1) * visible).sum(dim=1) / visible.sum(dim=1).clamp(min=1.0)
        told = F.binary_cross_entropy_with_logits(raw[..., 2], visible, reduction="none")
        return places + self.visibility * told.mean(dim=1)
