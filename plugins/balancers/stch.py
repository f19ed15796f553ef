"""The smooth maximum of the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer
from . import torchjd_adapter as torchjd


class SmoothTchebycheff(Balancer):
    """Smooth Tchebycheff scalarization (Lin et al. 2024, equation 5): `mu log sum_t exp(L_t / (T mu))`.

    All tasks are preferred alike and the ideal point is 0, the lowest loss. The weights are the derivatives,
    `softmax(L / (T mu)) / T`: the worst task counts most. Through torchjd.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        mu: Annotated[
            float, Field(gt=0, description="Smoothing; towards 0 only the worst task counts.")
        ] = 0.1,
    ) -> None:
        super().__init__(tasks)
        # Without parameters or state, and so no module of this one.
        self._slopes = (torchjd.stch(mu),)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torchjd.slopes(self._slopes[0], losses)
