"""What balancers of gradients have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer
from .gramian import Gramian, gramian_of
from .subsets import MOST

On = Annotated[
    Literal["parameters", "features"],
    Field(
        description="Balance the gradients of the shared parameters, or of the features that all heads read."
    ),
]


HeadsForm = Annotated[
    Literal["paper", "code"],
    Field(description="Heads get their task's gradient as it is, or (code) times its weight."),
]


class GradientBalancer(Balancer):
    """A balancer of the shared gradients alone: a head's parameters get their own task's gradient as it is.

    So do the algorithms that say anything of heads (Sener and Koltun's Algorithm 2, lines 1 to 5). The
    programs of some weigh whole losses instead: `weighs_heads`.
    """

    needs_gradients = True
    weighs_heads = False

    def __init__(self, tasks: Sequence[str], on: str = "parameters") -> None:
        super().__init__(tasks)
        self.on = on

    def head_weights(self, losses: Tensor, weights: Tensor) -> Tensor:
        return weights if self.weighs_heads else torch.ones_like(weights)

    def solved(self, gradients: Tensor, solve: Callable[[Gramian], Tensor]) -> Tensor:
        """Return the weights `[T]` that a solver finds for the Gramian of gradients `[T, P]`."""
        gramian = gramian_of(gradients)
        return gramian.weights(solve(gramian), gradients)


class SolvingBalancer(GradientBalancer):
    """One that goes through all sets of tasks, on the device; more than `MOST` tasks a library solves for."""

    def __init__(self, tasks: Sequence[str], on: str = "parameters") -> None:
        super().__init__(tasks, on)
        self.by_subsets = len(self.tasks) <= MOST
        if not self.by_subsets:
            self.capturable = False
            self.eager_because = f"solves for more than {MOST} tasks on the CPU"
