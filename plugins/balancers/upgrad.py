"""Projects every gradient onto the directions that harm no task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from . import torchjd_adapter as torchjd
from .elimination import solve
from .gradient_balancer import On, SolvingBalancer
from .gramian import Gramian
from .subsets import cheapest, subsets, within


class UnconflictingProjection(SolvingBalancer):
    """UPGrad (Quinton, Rey 2024, section 4): the mean of the gradients projected onto the dual cone of all.

    No task's loss rises to first order. The projections are found among all sets of tasks; of more than six
    tasks by quadratic programmes, through torchjd (quadprog).
    """

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)
        if not self.by_subsets:
            torchjd.require("upgrad", ("qpsolvers", "quadprog"))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.by_subsets:
            return self.solved(gradients, unconflicting)
        return torchjd.solved(gradients, torchjd.upgrad())


def unconflicting(gramian: Gramian) -> Tensor:
    """Return the weights `[T]` of the mean of the projected gradients.

    A gradient's nearest vector that conflicts with none is itself plus a combination, with positive factors,
    of those that it then stands at right angles to.
    """
    chosen = subsets(len(gramian.there), gramian.there.device) & gramian.there
    conflicts = torch.where(chosen[:, :, None], gramian.cosines, 0.0)
    added = -solve(within(gramian.cosines, chosen), conflicts)
    # By set, by projected gradient, in unit gradients.
    units = torch.eye(len(chosen[0]), dtype=added.dtype, device=added.device)
    found = units + added.clamp(min=0.0).transpose(1, 2)
    nearest = cheapest(found, ((found @ gramian.cosines) * found).sum(dim=2))
    return (gramian.mean * gramian.lengths) @ nearest / gramian.lengths
