"""Logarithms of the losses, and gradients of one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer

_SMALL = 1e-8


class DualBalancing(GradientBalancer):
    """DB-MTL (Lin et al. 2023, section 3, Algorithm 1): logarithms of losses, gradients of one length.

    The shared gradients of `log L_t` are tracked by a moving average, with `beta / step ** decay` of the old
    one, and each is scaled to the length of the longest; heads get the gradient of `log L_t`. Losses must not
    be negative; 1e-8 is added to each, as in the authors' code. A task without a label keeps its average.
    """

    needs_positive_losses = True
    average: Tensor | None
    steps: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: Annotated[float, Field(ge=0, le=1, description="Share of the old average, at first.")] = 0.9,
        decay: Annotated[float, Field(ge=0, description="Power of the step that `beta` falls with.")] = 0.5,
    ) -> None:
        super().__init__(tasks)
        self.beta = beta
        self.decay = decay
        self.register_buffer("average", None)
        self.register_buffer("steps", torch.zeros(()))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.average is None:
            self.average = torch.zeros_like(gradients)
        self.steps.add_(1)
        kept = self.beta / self.steps**self.decay
        scaled = gradients / (losses.detach() + _SMALL)[:, None]
        new = scaled + kept * (self.average - scaled)
        self.average.copy_(torch.where(self.present[:, None], new, self.average))
        lengths = self.average.norm(dim=1)
        return torch.where(lengths > 0, lengths.max() / lengths.clamp(min=_SMALL), 1.0)

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        assert self.average is not None
        return weights @ self.average

    def head_weights(self, losses: Tensor, weights: Tensor) -> Tensor:
        return torch.where(self.present, 1.0 / (losses + _SMALL), 0.0)
