"""Projects every gradient onto the directions that harm no task."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class UnconflictingProjection(GradientBalancer):
    """UPGrad (Quinton, Rey 2024, section 4): the mean of the gradients projected onto the dual cone of all.

    No task's loss rises to first order. Through torchjd (quadprog).
    """

    capturable = False

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        torchjd.require("upgrad", ("qpsolvers", "quadprog"))
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.solved(gradients, torchjd.upgrad())
