"""Divides the progress fairly among the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, HeadsForm, On


class FairResource(GradientBalancer):
    """FairGrad (Ban, Ji 2024, equation 4): `w > 0` with `G w = w ** (-1 / alpha)`, `G` the Gramian.

    `alpha` 1 is proportional fairness (Nash-MTL), larger ones approach equal progress; below 0.1 the power
    leaves double precision. Through torchjd (scipy). `form: code` weighs whole losses by `w`, heads included,
    as the authors' program does.
    """

    capturable = False

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
        return torchjd.solved(gradients, torchjd.fairgrad(self.alpha))
