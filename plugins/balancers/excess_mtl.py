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
    relative to its first value; the weights are multiplied by `exp(step_size * risk)` and normalised to the
    sum 1. A task's first step with a gradient only records, as in the authors' code; in a warm-up (appendix
    C.1) all do, and the mean is what later risks are relative to. Whole losses are weighted. A task without a
    label keeps its weight.
    """

    needs_gradients = True
    values: Tensor
    first: Tensor
    recorded: Tensor
    epochs: Tensor
    squares: Tensor | None

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        step_size: Annotated[float, Field(gt=0, description="How fast the weights follow.")] = 0.01,
        warm_up: Annotated[int, Field(ge=0, description="Epochs that only record; the paper: 3.")] = 0,
    ) -> None:
        super().__init__(tasks)
        self.step_size, self.warm_up = step_size, warm_up
        count = len(self.tasks)
        self.register_buffer("values", torch.full((count,), 1.0 / count))
        self.register_buffer("first", torch.zeros(count))
        self.register_buffer("recorded", torch.zeros(count))
        self.register_buffer("epochs", torch.zeros(()))
        self.register_buffer("squares", None)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        square = gradients * gradients
        if self.squares is None:
            self.squares = torch.zeros_like(square)
        self.squares.add_(square)
        relative = self._relative((square / (self.squares + 1e-7).sqrt()).sum(dim=1))
        # In logarithms, since an exponential of a large risk would overflow.
        tiny = torch.finfo(self.values.dtype).tiny
        moved = self.values.clamp(min=tiny).log() + self.step_size * relative
        shares = torch.softmax(torch.where(self.present, moved, -torch.inf), dim=0).nan_to_num()
        self.values.copy_(with_shares(self.values, shares, self.present))
        return self.values.clone()

    def post_epoch(self, losses: Tensor) -> None:
        self.epochs.add_(1)

    def _relative(self, risk: Tensor) -> Tensor:
        """Return the risks `[T]` over those recorded; 0 of a task that records in this step."""
        records = (self.recorded == 0) | (self.epochs < self.warm_up)
        found = records & self.present & (risk > 0)
        self.first.add_(torch.where(found, risk, 0.0))
        self.recorded.add_(found)
        reference = self.first / self.recorded.clamp(min=1)
        return torch.where(records, 0.0, risk / torch.where(reference > 0, reference, 1.0))
