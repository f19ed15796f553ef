"""The smooth maximum of the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer


class SmoothTchebycheff(Balancer):
    """Smooth Tchebycheff scalarization (Lin et al. 2024, equation 5): `mu log sum_t exp(L_t / (T mu))`.

    All tasks are preferred alike and the ideal point is 0, the lowest loss. The weights are the derivatives,
    `softmax(L / (T mu)) / T`: the worst task counts most. A task whose loss is 0 (no label) is not one of the
    `T`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        mu: Annotated[
            float, Field(gt=0, description="Smoothing; towards 0 only the worst task counts.")
        ] = 0.1,
    ) -> None:
        super().__init__(tasks)
        self.mu = mu

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        there = losses != 0
        count = there.sum().clamp(min=1)
        scaled = torch.where(there, losses.detach() / (count * self.mu), -torch.inf)
        return torch.softmax(scaled, dim=0).nan_to_num() / count
