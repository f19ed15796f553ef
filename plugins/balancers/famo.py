"""Equal relative progress of all losses, from the losses alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer

_SMALL = 1e-8
_BETAS = (0.9, 0.999)


class FastAdaptive(Balancer):
    """FAMO, fast adaptive multitask optimization (Liu, Feng, Stone, Liu 2023, Algorithm 1).

    The update minimises `c sum_t z_t log L_t` with `z = softmax(xi)` and `1 / c = sum_t z_t / L_t`: weights
    `c z_t / L_t`, which sum to 1. Then the losses of the same batch are computed again, and `xi` descends by
    Adam along `J(z)^T (log L_before - log L_after)` (equations 8 and 9). Losses must not be negative; 1e-8 is
    added to each, as in the authors' code. A task without a label takes no part. The second look costs a
    forward pass; it rewinds torch's generators on the host.
    """

    needs_new_losses = True
    needs_positive_losses = True
    capturable = False
    eager_because = "rewinds random numbers in every step"
    logits: Tensor
    first: Tensor
    second: Tensor
    steps: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        learning_rate: Annotated[float, Field(gt=0, description="Step size of the weights.")] = 0.025,
        decay: Annotated[float, Field(ge=0, description="Pull of the weights towards equal ones.")] = 1e-3,
    ) -> None:
        super().__init__(tasks)
        self.learning_rate = learning_rate
        self.decay = decay
        for name in ("logits", "first", "second", "steps"):
            self.register_buffer(name, torch.zeros(len(self.tasks)))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        values = losses.detach()
        shares = torch.softmax(self.logits, dim=0) * self.present
        shares = shares / (values + _SMALL)
        return shares / shares.sum().clamp(min=torch.finfo(shares.dtype).tiny)

    def post_update(self, before: Tensor, after: Tensor) -> None:
        there = self.present
        fall = torch.where(there, (before + _SMALL).log() - (after + _SMALL).log(), 0.0)
        shares = torch.softmax(torch.where(there, self.logits, -torch.inf), dim=0).nan_to_num()
        slope = shares * (fall - (shares * fall).sum()) + self.decay * self.logits
        self.steps.add_(there)
        self.first.copy_(torch.where(there, self.first.lerp(slope, 1 - _BETAS[0]), self.first))
        self.second.copy_(torch.where(there, self.second.lerp(slope * slope, 1 - _BETAS[1]), self.second))
        mean = self.first / (1 - _BETAS[0] ** self.steps.clamp(min=1))
        square = self.second / (1 - _BETAS[1] ** self.steps.clamp(min=1))
        change = self.learning_rate * mean / (square.sqrt() + 1e-8)
        self.logits.sub_(torch.where(there, change, 0.0))
