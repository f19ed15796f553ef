"""Equal projections of the shared gradient, and learned scales of the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .elimination import solve
from .gradient_balancer import GradientBalancer, On
from .gramian import Gramian

_RIDGE = 1e-12
"""Opposite gradients have a common projection too, which is none."""


class Impartial(GradientBalancer):
    """Impartial multitask learning (Liu et al. 2021), in two halves that work together or alone.

    `losses` (IMTL-L, equation 6): minimises `sum_t exp(s_t) L_t - s_t` with learned `s`, whole losses scaled
    by `exp(s)`; they must not be negative, as `s` would grow for ever. `gradients` (IMTL-G, equation 4):
    weights that sum to 1 and give the shared gradient the same projection on every task's. `both`: the
    gradients of the scaled losses, heads trained by these. The losses half through torchjd.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        half: Annotated[
            Literal["both", "losses", "gradients"], Field(description="Which half of the method.")
        ] = "both",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on if half != "losses" else "parameters")
        self.needs_gradients = half != "losses"
        self.needs_positive_losses = half != "gradients"
        self.objective = torchjd.imtl_l(len(self.tasks)) if half != "gradients" else None

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        scales = self._scales(losses)
        if gradients is None:
            return scales
        return scales * self.solved(scales[:, None] * gradients, equal_projections)

    def head_weights(self, losses: Tensor, weights: Tensor) -> Tensor:
        return self._scales(losses)

    def own_loss(self, losses: Tensor, gradients: Tensor | None) -> Tensor | None:
        return None if self.objective is None else torchjd.learned(self.objective, losses, self.present)

    def _scales(self, losses: Tensor) -> Tensor:
        return torch.ones_like(losses) if self.objective is None else torchjd.slopes(self.objective, losses)


def equal_projections(gramian: Gramian) -> Tensor:
    """Return the weights `[T]` that sum to 1 and give their sum the same projection on every gradient.

    >>> from .gramian import gramian_of
    >>> [round(x, 4) for x in equal_projections(gramian_of(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))).tolist()]
    [0.3333, 0.6667]
    """
    there = gramian.there.to(gramian.cosines)
    found = there * solve(gramian.regular(_RIDGE), there[:, None])[:, 0] / gramian.lengths
    total = found.sum()
    # No such weights sum to 1 where they sum to 0.
    return torch.where(total.abs() > _RIDGE * found.abs().sum(), found / total, 0.0)
