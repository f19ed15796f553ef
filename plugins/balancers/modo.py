"""MGDA's weights from two independent draws of every batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer
from .simplex import onto_simplex, shares_of, with_shares


class DoubleSampling(GradientBalancer):
    """MoDo (Chen, Fernando, Ying, Chen 2023, equation 2.9): unbiased weights from two half batches.

    `w = P(w - gamma (G_1 G_2^T w + rho w))` with `P` the projection onto the simplex; the shared gradient is
    `w` times the mean of both. Tasks without a label in the batch keep their weight; the others share 1.
    """

    parts = 2
    values: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        gamma: Annotated[float, Field(gt=0, description="Step size of the weights.")] = 1e-3,
        rho: Annotated[float, Field(ge=0, description="Pull towards equal weights.")] = 0.1,
    ) -> None:
        super().__init__(tasks)
        self.gamma, self.rho = gamma, rho
        self.register_buffer("values", torch.full((len(self.tasks),), 1.0 / len(self.tasks)))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        shares = shares_of(self.values, self.present)
        slope = gradients[0] @ (shares @ gradients[1]) + self.rho * shares
        shares = onto_simplex(shares - self.gamma * slope, self.present)
        self.values.copy_(with_shares(self.values, shares, self.present))
        return shares
