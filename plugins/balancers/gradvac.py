"""Turns gradients towards the similarity they usually have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer


class GradientVaccine(GradientBalancer):
    """GradVac (Wang, Tsvetkov, Firat, Cao 2021, equations 2 and 3), with one cosine per pair of tasks.

    Where the cosine of a pair is below its moving average, one gradient gets as much of the other as brings
    it there; the others are gone through in random order. The sum is taken. Through torchjd.
    """

    capturable = False
    target: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: Annotated[
            float, Field(gt=0, le=1, description="Weight of the newest cosine in the moving average.")
        ] = 0.01,
    ) -> None:
        super().__init__(tasks)
        self.beta = beta
        self.register_buffer("target", torch.zeros(len(self.tasks), len(self.tasks), dtype=torch.float64))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.gradvac(gradients, self.target, self.beta)
