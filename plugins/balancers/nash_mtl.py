"""The bargain that all tasks would agree to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .fair_weights import fair_weights
from .gradient_balancer import GradientBalancer, HeadsForm, On
from .gramian import Gramian

_RIDGE = 1e-10
"""Opposite gradients would have no finite bargain."""


class NashBargain(GradientBalancer):
    """Nash-MTL (Navon et al. 2022, claim 3.2): weights `a > 0` with `G a = 1 / a`, `G` the Gramian.

    They are the minimum of the convex `a^T G a / 2 - sum log a`, found by Newton's steps to machine
    precision; torchjd's version, after the paper's linearised one, keeps its state in a solver and is not
    used. The shared gradient has the length `sqrt(T)`, cut to `max_norm`. `form: code` weighs whole losses,
    heads included, as the authors' program does, which solves for `G / |G|`: weights and the length before
    the cut are larger by `sqrt |G|`.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        max_norm: Annotated[float, Field(gt=0, description="Longest shared gradient.")] = 1.0,
        form: HeadsForm = "paper",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        self.max_norm = max_norm
        self.weighs_heads = form == "code"

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.solved(gradients, bargain_by_the_program if self.weighs_heads else bargain)

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        whole = super().direction(gradients, weights)
        cut: Tensor = whole * (self.max_norm / whole.norm().clamp(min=self.max_norm))
        return cut


def bargain(gramian: Gramian) -> Tensor:
    """Return the positive `a` `[T]` with `G a == 1 / a`.

    >>> from .gramian import gramian_of
    >>> [round(x, 6) for x in bargain(gramian_of(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))).tolist()]
    [0.5, 1.0]
    """
    # With unit gradients the answer is near 1; lengths come back at the end.
    cosines = gramian.regular(_RIDGE)
    if len(cosines) == 2:
        # Both gain alike: (1 + cosine) a = 1 / a.
        alike: Tensor = cosines[0].sum().clamp(min=_RIDGE).rsqrt() / gramian.lengths
        return alike
    return fair_weights(cosines, torch.ones_like(gramian.lengths), 1.0) / gramian.lengths


def bargain_by_the_program(gramian: Gramian) -> Tensor:
    """Return the same for the Gramian over its norm."""
    scale: Tensor = gramian.products.norm().sqrt()
    return bargain(gramian) * scale
