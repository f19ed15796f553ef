"""MGDA's weights from tracked gradients, without the bias of a small batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer
from .simplex import onto_simplex, shares_of, with_shares

_SMALL = 1e-8


class MomentumCorrection(GradientBalancer):
    """MoCo (Fernando et al. 2023, Algorithm 1): `y` follows the gradients, weights descend on its Gramian.

    `y += beta_k (g - y)`, `w = P(w - gamma_k (y y^T + rho) w)` with `P` the projection onto the simplex, and
    the shared gradient is `w y`; the step sizes fall as `k ** -decay`. `form: code` is the authors' program:
    every gradient is scaled to the length of its task's loss, and a softmax stands in place of `P`. A task
    without a label keeps its `y`, and takes no part before it has one.
    """

    tracked: Tensor | None
    values: Tensor
    steps: Tensor
    met: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: Annotated[float, Field(gt=0, le=1, description="Step size of the tracked gradients.")] = 0.5,
        gamma: Annotated[float, Field(gt=0, description="Step size of the weights.")] = 0.1,
        rho: Annotated[float, Field(ge=0, description="Pull towards equal weights.")] = 0.0,
        decay: Annotated[
            float, Field(ge=0, description="Power of the step that both fall with; the code: 0.5.")
        ] = 0.0,
        form: Annotated[
            Literal["paper", "code"],
            Field(description="The paper's algorithm, or the authors' program, which scales gradients."),
        ] = "paper",
    ) -> None:
        super().__init__(tasks)
        self.beta, self.gamma, self.rho, self.decay, self.form = beta, gamma, rho, decay, form
        count = len(self.tasks)
        self.register_buffer("tracked", None)
        self.register_buffer("values", torch.full((count,), 1.0 / count))
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("met", torch.zeros(count, dtype=torch.bool))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.tracked is None:
            self.tracked = torch.zeros_like(gradients)
        self.steps.add_(1)
        if self.form == "code":
            gradients = gradients * (losses / (gradients.norm(dim=1) + _SMALL))[:, None]
        fall = self.steps**-self.decay
        moved = self.tracked + self.beta * fall * (gradients - self.tracked)
        self.tracked.copy_(torch.where(self.present[:, None], moved, self.tracked))
        self.met.logical_or_(self.present)
        shares = shares_of(self.values, self.met)
        slope = self.tracked @ (shares @ self.tracked) + self.rho * shares
        shares = self._onto_shares(shares - self.gamma * fall * slope)
        self.values.copy_(with_shares(self.values, shares, self.met))
        return shares

    def _onto_shares(self, value: Tensor) -> Tensor:
        if self.form == "paper":
            return onto_simplex(value, self.met)
        return torch.softmax(torch.where(self.met, value, -torch.inf), dim=0).nan_to_num()

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        assert self.tracked is not None
        return weights @ self.tracked
