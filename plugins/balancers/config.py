"""The direction with the same angle to every task's gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class ConflictFree(GradientBalancer):
    """ConFIG (Liu, Chu, Thuerey 2024, equations 2 and 3): equal cosines with all gradients.

    Its length is the sum of the gradients' projections on it. The direction is found whole, so `weights` are
    ones. Through torchjd.
    """

    capturable = False
    constant = True

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torch.ones_like(losses)

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        return torchjd.config(gradients)
