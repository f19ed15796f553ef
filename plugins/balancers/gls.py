"""The geometric mean of the losses."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.contracts import Balancer

_SMALL = 1e-8


class GeometricLoss(Balancer):
    """Geometric loss strategy (Chennupati et al. 2019, equation 2): minimises `(L_1 ... L_T) ** (1 / T)`.

    The weights are its derivatives, `mean / (T L_t)`. Losses must not be negative; one below 1e-8 counts as
    that, since at 0 there is no derivative. A task without a label in the batch is left out of the mean.

    >>> GeometricLoss(["a", "b"]).weights(torch.tensor([1.0, 4.0]), None).tolist()
    [1.0, 0.25]
    """

    needs_positive_losses = True

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        known = losses.detach().clamp(min=_SMALL)
        count = self.present.sum().clamp(min=1)
        mean = torch.exp(torch.where(self.present, known.log(), 0.0).sum() / count)
        return torch.where(self.present, mean / (count * known), 0.0)
