"""The bargain that all tasks would agree to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer, HeadsForm, On
from .torchjd_adapter import solved

_ROUNDS = 100


class NashBargain(GradientBalancer):
    """Nash-MTL (Navon et al. 2022, claim 3.2): weights `a > 0` with `G a = 1 / a`, `G` the Gramian.

    They are the minimum of the convex `a^T G a / 2 - sum log a`, found by damped Newton steps to machine
    precision; torchjd's version, after the paper's linearised one, keeps its state in a solver and is not
    used. The shared gradient has the length `sqrt(T)`, cut to `max_norm`. `form: code` weighs whole losses,
    heads included, as the authors' program does, which solves for `G / |G|`: weights and the length before
    the cut are larger by `sqrt |G|`.
    """

    capturable = False

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
        weights = solved(gradients, bargain)
        return weights * (gradients @ gradients.T).norm().sqrt() if self.weighs_heads else weights

    def direction(self, gradients: Tensor, weights: Tensor) -> Tensor:
        whole = super().direction(gradients, weights)
        cut: Tensor = whole * (self.max_norm / whole.norm().clamp(min=self.max_norm))
        return cut


def bargain(gramian: Tensor) -> Tensor:
    """Return the positive `a` `[T]` with `gramian @ a == 1 / a`; `gramian` is float64, its diagonal positive.

    >>> [round(x, 6) for x in bargain(torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))).tolist()]
    [0.5, 1.0]
    """
    # With unit gradients on the diagonal the answer is near 1; lengths come back at the end.
    lengths = gramian.diagonal().sqrt()
    scaled = gramian / torch.outer(lengths, lengths)
    # Opposite gradients would have no finite bargain.
    scaled = scaled + 1e-10 * torch.eye(len(scaled), dtype=scaled.dtype)
    answer = torch.ones(len(scaled), dtype=scaled.dtype)
    for _ in range(_ROUNDS):
        slope = scaled @ answer - 1.0 / answer
        step = torch.linalg.solve(scaled + torch.diag(answer**-2), slope)
        decrement = float((slope @ step).clamp(min=0.0).sqrt())
        # Self-concordance (Boyd and Vandenberghe 2004, section 9.6): this never leaves the positive numbers.
        answer = answer - (step if decrement < 0.25 else step / (1.0 + decrement))
        if decrement < 1e-12:
            break
    return answer / lengths
