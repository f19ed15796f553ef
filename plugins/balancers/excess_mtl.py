"""More weight to the tasks that have most still to gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer
from .simplex import with_shares


class ExcessRisk(Balancer):
    """ExcessMTL (He et al. 2024, equations 6 to 9): weights on the simplex that follow the excess risks.

    A task's excess risk is `g^T H^-1 g`, `H` the diagonal square root of the summed squared gradients,
    relative to its first value; the weights are multiplied by `exp(step_size * risk)` and normalised. The
    first step takes the risks as they are, as the authors' code does. Whole losses are weighted. A task whose
    loss is 0 (no label) keeps its weight.
    """

    needs_gradients = True
    values: Tensor
    first: Tensor
    squares: Tensor | None

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        step_size: Annotated[float, Field(gt=0, description="How fast the weights follow.")] = 1.0,
    ) -> None:
        super().__init__(tasks)
        self.step_size = step_size
        count = len(self.tasks)
        self.register_buffer("values", torch.full((count,), 1.0 / count))
        self.register_buffer("first", torch.zeros(count))
        self.register_buffer("squares", None)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        square = gradients * gradients
        if self.squares is None:
            self.squares = torch.zeros_like(square)
        self.squares.add_(square)
        risk = (square / (self.squares + 1e-7).sqrt()).sum(dim=1)
        relative = torch.where(self.first > 0, risk / (self.first + 1e-7), risk)
        self.first.copy_(torch.where(self.first > 0, self.first, risk))
        # In logarithms, since an exponential of a large risk would overflow.
        tiny = torch.finfo(self.values.dtype).tiny
        there = losses != 0
        moved = self.values.clamp(min=tiny).log() + self.step_size * relative
        shares = torch.softmax(torch.where(there, moved, -torch.inf), dim=0).nan_to_num()
        self.values.copy_(with_shares(self.values, shares, there))
        return self.values.clone()
