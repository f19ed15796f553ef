"""The direction near the mean gradient that helps the worst task most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class ConflictAverse(GradientBalancer):
    """CAGrad (Liu et al. 2021, equations 1 and 3): `max_d min_t <g_t, d>` within `|d - g0| <= c |g0|`.

    `g0` is the mean gradient: with `c` 0 it is the direction, with a large one MGDA's. Through torchjd
    (cvxpy).
    """

    capturable = False

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        c: Annotated[float, Field(ge=0, lt=1, description="Radius around the mean gradient.")] = 0.5,
        on: On = "parameters",
    ) -> None:
        torchjd.require("cagrad", ("cvxpy", "clarabel"))
        super().__init__(tasks, on)
        self.c = c

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.solved(gradients, torchjd.cagrad(self.c))
