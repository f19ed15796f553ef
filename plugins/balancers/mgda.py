"""The shortest vector between the tasks' gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from . import torchjd_adapter as torchjd
from .elimination import solve
from .gradient_balancer import On, SolvingBalancer
from .gramian import Gramian
from .subsets import cheapest, subsets, within


class MultipleGradientDescent(SolvingBalancer):
    """MGDA (Desideri 2012; Sener, Koltun 2018, equation 3): the shortest convex combination.

    That vector lowers every task's loss, or is 0 at a Pareto-stationary point. On features it is MGDA-UB
    (equation 5). Found among all sets of tasks; of more than six tasks by Frank and Wolfe's algorithm
    (Algorithm 2), through torchjd. A task without a gradient takes no part.
    """

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.by_subsets:
            return self.solved(gradients, shortest)
        return torchjd.solved(gradients, torchjd.mgda())


def shortest(gramian: Gramian) -> Tensor:
    """Return the weights `[T]` that sum to 1 with the shortest weighted sum of gradients.

    On the face of the simplex where the best lies, the weights are those of the shortest vector of a plane,
    whether they sum to 1 or not.
    """
    chosen = subsets(len(gramian.there), gramian.there.device)[1:] & gramian.there
    # In lengths of the gradients, `sum w = 1` is `sum x / length = 1`; a step along the plane's normal, which
    # changes nothing on the plane, makes the system regular where gradients are opposite.
    normals = torch.where(chosen, 1.0 / gramian.lengths, 0.0)
    tiny = torch.finfo(normals.dtype).tiny
    normals = normals / normals.norm(dim=1, keepdim=True).clamp(min=tiny)
    systems = within(gramian.cosines + normals[:, :, None] * normals[:, None, :], chosen)
    found = solve(systems, normals[..., None])[..., 0].clamp(min=0.0) / gramian.lengths
    found = found / found.sum(dim=1, keepdim=True)
    return cheapest(found, ((found @ gramian.products) * found).sum(dim=1))
