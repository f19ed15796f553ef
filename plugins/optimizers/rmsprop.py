"""RMSprop (Hinton 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Optimizer, ParameterGroup
from .adam import Epsilon


class RmsProp(Optimizer):
    """Steps in proportion to the gradient over its running root mean square.

    Weight decay is added to the gradient. Source: Hinton, Neural Networks for Machine Learning, lecture 6e
    (2012); Graves, Generating Sequences with Recurrent Neural Networks (2013) for `centered`;
    `torch.optim.RMSprop`. Raises `Incompatible` for `centered` without smoothing.
    """

    capturable = True

    def __init__(
        self,
        *,
        smoothing: Annotated[
            float, Field(ge=0, lt=1, description="Decay of the running mean square.")
        ] = 0.99,
        epsilon: Epsilon = 1e-8,
        centered: Annotated[bool, Field(description="Divide by the deviation, not the root.")] = False,
    ) -> None:
        if centered and smoothing == 0:
            raise Incompatible("needs a smoothing above 0: of one gradient there is no deviation (centered)")
        self.smoothing, self.epsilon, self.centered = smoothing, epsilon, centered

    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        found = torch.optim.RMSprop(
            list(groups), alpha=self.smoothing, eps=self.epsilon, centered=self.centered
        )
        return [found]
