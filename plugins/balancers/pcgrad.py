"""Projects conflicting gradients onto each other's normal plane."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class ProjectingConflicts(GradientBalancer):
    """PCGrad, gradient surgery (Yu et al. 2020, Algorithm 1): the sum of the projected gradients.

    Each task's gradient loses, in random order of the others, its part against each of them. Through torchjd.
    """

    capturable = False

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.solved(gradients, torchjd.pcgrad())
