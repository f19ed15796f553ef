"""Weights from how fast the losses fell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer


class DynamicWeightAverage(Balancer):
    """Dynamic weight average (Liu, Johns, Davison 2019, equation 7).

    `T softmax(r / temperature)`, where `r` is the ratio of a task's mean losses in the last two epochs; ones
    in the first two epochs. Losses must not be negative; a task whose mean was 0 has the ratio 1.
    """

    needs_positive_losses = True
    values: Tensor
    previous: Tensor
    epochs: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        temperature: Annotated[float, Field(gt=0, description="Larger: more equal weights.")] = 2.0,
    ) -> None:
        super().__init__(tasks)
        self.temperature = temperature
        self.register_buffer("values", torch.ones(len(self.tasks)))
        self.register_buffer("previous", torch.zeros(len(self.tasks)))
        self.register_buffer("epochs", torch.zeros(()))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return self.values.clone()

    def post_epoch(self, losses: Tensor) -> None:
        before = self.previous
        ratio = torch.where(before > 0, losses / before.clamp(min=1e-12), torch.ones_like(losses))
        weights = len(self.tasks) * torch.softmax(ratio / self.temperature, dim=0)
        self.values.copy_(torch.where(self.epochs >= 1, weights, torch.ones_like(weights)))
        self.previous.copy_(losses)
        self.epochs.add_(1)
