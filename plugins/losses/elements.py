"""What the losses that compare pixels or values have in common."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Loss
from ..forms import Image, PixelValues, Regression

Reduction = Literal["none", "mean"]
"""Whether errors are given one by one, or their mean."""


class ElementLoss(Loss):
    """The mean over a sample's pixels or values of an error; pixel logits are turned into pixels first.

    Where a target may be absent in part, the mean is over what is known. A subclass computes `error`.
    Raises `Incompatible` for classes and for yes or no.
    """

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self.logits = isinstance(target, Image) and target.link == "logit"

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for values and images, else the reason."""
        if isinstance(target, Regression | Image | PixelValues):
            return None
        return f"needs values or an image, got a {target.form} answer"

    def error(self, value: Tensor, target: Tensor, reduction: Reduction = "none") -> Tensor:
        """Return the error of each element, same shape, or the mean of all."""
        raise NotImplementedError

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the mean error of each sample, `[B]`."""
        value = torch.sigmoid(raw) if self.logits else raw
        if not self.target.partial:
            return sample_mean(self.error(value, target))
        known = self.target.known(target)
        # Replaced before the error is computed: NaN times zero would still be NaN, in the gradient too.
        return known_mean(self.error(value, target.where(known, value.detach())), known)

    def batch_mean(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the mean error of all samples, in one go where nothing may be absent."""
        if self.target.partial or raw.shape != target.shape:
            return super().batch_mean(raw, target)
        return self.error(torch.sigmoid(raw) if self.logits else raw, target, "mean")


def sample_mean(error: Tensor) -> Tensor:
    """Return the mean over everything but the batch dimension, `[B]`.

    >>> sample_mean(torch.tensor([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [2.0, 0.0]
    """
    return error.flatten(start_dim=1).mean(dim=1)


def known_mean(error: Tensor, known: Tensor) -> Tensor:
    """Return the mean over those elements of each sample that are known, `[B]`; 0 where none is.

    >>> known_mean(torch.tensor([[1.0, 3.0]]), torch.tensor([[True, False]])).tolist()
    [1.0]
    """
    there = known.to(error.dtype).flatten(start_dim=1)
    return (error.flatten(start_dim=1) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1.0)
