"""The geometric mean of the losses."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.contracts import Balancer


class GeometricLoss(Balancer):
    """Geometric loss strategy (Chennupati et al. 2019, equation 2): minimises `(L_1 ... L_T) ** (1 / T)`.

    The weights are its derivatives, `mean / (T L_t)`. A task whose loss is 0 (no label in the batch) is left
    out of the mean: it would stop all others.

    >>> GeometricLoss(["a", "b"]).weights(torch.tensor([1.0, 4.0]), None).tolist()
    [1.0, 0.25]
    """

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        values = losses.detach()
        there = values > 0
        known = torch.where(there, values, torch.ones_like(values))
        count = there.sum().clamp(min=1)
        mean = torch.exp(known.log().sum() / count)
        return torch.where(there, mean / (count * known), torch.zeros_like(values))
