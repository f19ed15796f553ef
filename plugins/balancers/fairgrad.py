"""Divides the progress fairly among the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from .fair_weights import fair_weights
from .gradient_balancer import GradientBalancer, HeadsForm, On
from .gramian import Gramian
from .nash_mtl import bargain

_RIDGE = 1e-10
"""Opposite gradients would have no finite answer."""


class FairResource(GradientBalancer):
    """FairGrad (Ban, Ji 2024, equation 4): `w > 0` with `G w = w ** (-1 / alpha)`, `G` the Gramian.

    `alpha` 1 is proportional fairness (Nash-MTL), larger ones approach equal progress; below 0.1 the power
    leaves double precision. By Newton's steps. `form: code` weighs whole losses by `w`, heads included, as
    the authors' program does.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        alpha: Annotated[float, Field(ge=0.1, description="Kind of fairness.")] = 1.0,
        form: HeadsForm = "paper",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        self.alpha = alpha
        self.weighs_heads = form == "code"

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.solved(gradients, lambda gramian: fair(gramian, 1.0 / self.alpha))


def fair(gramian: Gramian, power: float) -> Tensor:
    """Return the positive `w` `[T]` with `G w == w ** -power`."""
    if power == 1.0:
        return bargain(gramian)
    # Alone, a task of length l would have the weight l ** (-2 / (1 + power)): the unknowns are near 1.
    alone = gramian.lengths ** (-2.0 / (1.0 + power))
    scales = alone * gramian.lengths
    return alone * fair_weights(gramian.regular(_RIDGE) * scales * scales[:, None], scales.square(), power)
