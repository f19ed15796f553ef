"""The direction near the mean gradient that helps the worst task most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class ConflictAverse(GradientBalancer):
    """CAGrad (Liu et al. 2021, equations 1 and 3): `max_d min_t <g_t, d>` within `|d - g0| <= c |g0|`.

    `g0` is the mean gradient: with `c` 0 it is the direction, with a large one MGDA's. `form: code` divides
    the direction by `1 + c^2`, as the authors' program does unless told otherwise. Through torchjd (cvxpy).
    """

    capturable = False

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
        torchjd.require("cagrad", ("cvxpy", "clarabel"))
        super().__init__(tasks, on)
        self.c = c
        self.length = 1.0 if form == "paper" else 1.0 / (1.0 + c * c)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.length * torchjd.solved(gradients, torchjd.cagrad(self.c))
