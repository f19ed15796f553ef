"""Adam (Kingma and Ba 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from ...core.contracts import Optimizer, ParameterGroup

Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[
    tuple[Beta, Beta], Field(description="Decay of the running means of gradients and of their squares.")
]
Epsilon = Annotated[float, Field(gt=0, description="Added to the denominator.")]


class Adam(Optimizer):
    """Steps in proportion to the gradient's running mean over its running root mean square.

    Weight decay is added to the gradient. Source: Kingma and Ba, Adam: A Method for Stochastic Optimization
    (2015); `torch.optim.Adam`.
    """

    def __init__(self, *, betas: Betas = (0.9, 0.999), epsilon: Epsilon = 1e-8) -> None:
        self.betas, self.epsilon = betas, epsilon

    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        return [torch.optim.Adam(list(groups), betas=self.betas, eps=self.epsilon)]
