"""The direction near the mean gradient that helps the worst task most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .elimination import solve
from .gradient_balancer import On, SolvingBalancer
from .gramian import Gramian
from .subsets import cheapest, subsets, within


class ConflictAverse(SolvingBalancer):
    """CAGrad (Liu et al. 2021, equations 1 and 3): `max_d min_t <g_t, d>` within `|d - g0| <= c |g0|`.

    `g0` is the mean gradient: with `c` 0 it is the direction, with a large one MGDA's. `form: code` divides
    the direction by `1 + c^2`, as the authors' program does unless told otherwise. Found among all sets of
    tasks; of more than six tasks through torchjd (cvxpy).
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        c: Annotated[float, Field(ge=0, lt=1, description="Radius around the mean gradient.")] = 0.5,
        form: Annotated[
            Literal["paper", "code"],
            Field(description="The paper's length, or the authors' program's, shorter by `1 + c^2`."),
        ] = "paper",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        if not self.by_subsets:
            torchjd.require("cagrad", ("cvxpy", "clarabel"))
        self.c = c
        self.length = 1.0 if form == "paper" else 1.0 / (1.0 + c * c)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        if self.by_subsets:
            return self.length * self.solved(gradients, lambda gramian: worst_helped(gramian, self.c))
        return self.length * torchjd.solved(gradients, torchjd.cagrad(self.c))


def worst_helped(gramian: Gramian, c: float) -> Tensor:
    """Return the weights `[T]` of CAGrad's direction, within `c` times the mean gradient's length of it.

    The tasks that are helped least are helped alike: for every set of tasks, the largest such progress that
    the ball allows (the larger root of a quadratic), and no progress at all, which less may be enough for.
    Nothing is taken from the mean: what is added is a combination with positive factors (equation 3).
    """
    chosen = subsets(len(gramian.there), gramian.there.device) & gramian.there
    cosines = gramian.cosines
    mean = gramian.mean * gramian.lengths
    products = cosines @ mean
    radius = c * (mean @ products).clamp(min=0.0).sqrt()
    # What is added to the mean, in unit gradients, is `progress * rates - offsets`.
    right = torch.where(chosen[..., None], torch.stack([1.0 / gramian.lengths, products], dim=1), 0.0)
    solutions = solve(within(cosines, chosen), right)
    rates, offsets = solutions.unbind(dim=2)
    progress = _larger_root(torch.einsum("sti,stj->sij", right, solutions), radius)
    added = torch.cat([progress[:, None] * rates - offsets, -offsets]).clamp(min=0.0)
    lengths = ((added @ cosines) * added).sum(dim=1, keepdim=True).clamp(min=0.0).sqrt()
    tiny = torch.finfo(lengths.dtype).tiny
    found = mean + added * (radius / lengths.clamp(min=tiny)).clamp(max=1.0)
    helped = torch.where(gramian.there, (found @ cosines) * gramian.lengths, torch.inf)
    return cheapest(found, -helped.amin(dim=1)) / gramian.lengths


def _larger_root(forms: Tensor, radius: Tensor) -> Tensor:
    """Return the larger progress `[S]` that comes to the ball's surface, or the nearest to it."""
    square, both, constant = forms[:, 0, 0], forms[:, 0, 1], forms[:, 1, 1]
    inside = both * both - square * (constant - radius * radius)
    root = both + inside.clamp(min=0.0).sqrt()
    return torch.where(square > 0, root / square, 0.0)
