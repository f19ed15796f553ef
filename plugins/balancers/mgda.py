"""The shortest vector between the tasks' gradients."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class MultipleGradientDescent(GradientBalancer):
    """MGDA (Desideri 2012; Sener, Koltun 2018, equation 3): the shortest convex combination.

    That vector lowers every task's loss, or is 0 at a Pareto-stationary point. On features it is MGDA-UB
    (equation 5). Found by Frank and Wolfe's algorithm (Algorithm 2). Through torchjd. A task without a
    gradient takes no part.
    """

    capturable = False

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.solved(gradients, torchjd.mgda())
