"""MGDA's weights kept near the mean gradient, from three independent draws of every batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer
from .simplex import onto_simplex, shares_of, with_shares


class DirectionOriented(GradientBalancer):
    """SDMGrad (Xiao, Ban, Ji 2023, Algorithm 1, equations 6 and 7): three thirds of a batch.

    The weights `w` descend, by projected steps with momentum, along `A (w + lambda u)`, where `A` is `G_1
    G_2^T` over the squared mean length and `u` are equal weights; the shared gradient is `(w + lambda u) / (1
    + lambda)` times `G_3`. Tasks without a label in the batch keep their weight; the others share 1.
    """

    parts = 3
    values: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        pull: Annotated[float, Field(ge=0, description="Lambda: pull towards the mean gradient.")] = 0.3,
        learning_rate: Annotated[float, Field(gt=0, description="Step size of the weights.")] = 10.0,
        momentum: Annotated[float, Field(ge=0, lt=1, description="Momentum of the weights.")] = 0.5,
        rounds: Annotated[int, Field(ge=1, description="Steps of the weights per update.")] = 20,
    ) -> None:
        super().__init__(tasks)
        self.pull, self.learning_rate, self.momentum, self.rounds = pull, learning_rate, momentum, rounds
        self.register_buffer("values", torch.full((len(self.tasks),), 1.0 / len(self.tasks)))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        there = self.present
        equal = there.to(self.values) / there.sum().clamp(min=1)
        products = gradients[0] @ gradients[1].T
        length = products.diagonal().clamp(min=0.0).sqrt() @ equal
        products = products / (length * length + 1e-8)
        velocity = torch.zeros_like(equal)
        weights = shares_of(self.values, there)
        for _ in range(self.rounds):
            velocity = self.momentum * velocity + products @ (weights + self.pull * equal)
            weights = onto_simplex(weights - self.learning_rate * velocity, there)
        self.values.copy_(with_shares(self.values, weights, there))
        return (weights + self.pull * equal) / (1.0 + self.pull)

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        return weights @ gradients[2]
