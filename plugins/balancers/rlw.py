"""Random weights."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Balancer
from . import torchjd_adapter as torchjd


class RandomLossWeighting(Balancer):
    """Random loss weighting (Lin et al. 2022, Algorithm 2): a softmax of normal numbers, new in every step.

    The weights sum to 1. Through torchjd.
    """

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torchjd.random_weights(losses)
