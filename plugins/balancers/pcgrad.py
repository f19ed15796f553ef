"""Projects conflicting gradients onto each other's normal plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .gradient_balancer import GradientBalancer, On
from .gramian import Gramian


class ProjectingConflicts(GradientBalancer):
    """PCGrad, gradient surgery (Yu et al. 2020, Algorithm 1): the sum of the projected gradients.

    Each task's gradient loses, in random order of the others, its part against each of them.
    """

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.solved(gradients, projected)


def projected(gramian: Gramian) -> Tensor:
    """Return the weights `[T]` of the sum of the projected gradients; draws an order for each of them."""
    count, device = len(gramian.there), gramian.there.device
    orders = torch.stack([torch.randperm(count, device=device) for _ in range(count)])
    units = torch.eye(count, dtype=gramian.cosines.dtype, device=device)
    others, places = gramian.cosines[orders], units[orders] * (1.0 - units)[:, None]
    # Every row is a gradient, in unit gradients of all tasks.
    found = units
    for turn in range(count):
        conflict = (others[:, turn] * found).sum(dim=1).clamp(max=0.0)
        found = torch.addcmul(found, places[:, turn], conflict[:, None], value=-1)
    return (gramian.there * gramian.lengths) @ found / gramian.lengths
