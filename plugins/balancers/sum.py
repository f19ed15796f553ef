"""The plain sum of the task losses."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.contracts import Balancer


class Sum(Balancer):
    """Every task counts once: all weights are 1."""

    constant = True
    plain = True

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        """Return ones, `[T]`."""
        return torch.ones_like(losses)
