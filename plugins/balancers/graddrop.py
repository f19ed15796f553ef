"""Keeps, coordinate by coordinate, the gradients of one sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class GradientSignDropout(GradientBalancer):
    """GradDrop (Chen et al. 2020, Algorithm 1, lines 10 to 15).

    Every coordinate keeps its positive gradients with probability `P = (1 + sum g / sum |g|) / 2` (equation
    1), else its negative ones; `leak` of the others passes. No weighted sum of gradients: `weights` are ones.
    Through torchjd.
    """

    constant = True

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        leak: Annotated[
            float, Field(ge=0, le=1, description="Share of dropped gradients that passes.")
        ] = 0.0,
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        self.leak = leak

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torch.ones_like(losses)

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        return torchjd.graddrop(gradients, self.leak)
