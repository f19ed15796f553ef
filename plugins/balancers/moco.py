"""MGDA's weights from tracked gradients, without the bias of a small batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer
from .simplex import onto_simplex, shares_of, with_shares


class MomentumCorrection(GradientBalancer):
    """MoCo (Fernando et al. 2023, Algorithm 1): `y` follows the gradients, weights descend on its Gramian.

    `y += beta_k (g - y)`, `w = P(w - gamma_k (y y^T + rho) w)` with `P` the projection onto the simplex, and
    the shared gradient is `w y`; the step sizes fall as `k ** -decay`. A task whose loss is 0 (no label)
    keeps its `y`, and takes no part before it has one.
    """

    tracked: Tensor | None
    values: Tensor
    steps: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: Annotated[float, Field(gt=0, le=1, description="Step size of the tracked gradients.")] = 0.5,
        gamma: Annotated[float, Field(gt=0, description="Step size of the weights.")] = 0.1,
        rho: Annotated[float, Field(ge=0, description="Pull towards equal weights.")] = 0.0,
        decay: Annotated[float, Field(ge=0, description="Power of the step that both fall with.")] = 0.5,
    ) -> None:
        super().__init__(tasks)
        self.beta, self.gamma, self.rho, self.decay = beta, gamma, rho, decay
        count = len(self.tasks)
        self.register_buffer("tracked", None)
        self.register_buffer("values", torch.full((count,), 1.0 / count))
        self.register_buffer("steps", torch.zeros(()))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.tracked is None:
            self.tracked = torch.zeros_like(gradients)
        self.steps.add_(1)
        fall = self.steps**-self.decay
        moved = self.tracked + self.beta * fall * (gradients - self.tracked)
        self.tracked.copy_(torch.where(losses[:, None] != 0, moved, self.tracked))
        there = (self.tracked != 0).any(dim=1)
        shares = shares_of(self.values, there)
        slope = self.tracked @ (shares @ self.tracked) + self.rho * shares
        shares = onto_simplex(shares - self.gamma * fall * slope, there)
        self.values.copy_(with_shares(self.values, shares, there))
        return shares

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        assert self.tracked is not None
        return weights @ self.tracked
