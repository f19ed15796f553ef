"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Optimizer, ParameterGroup

Momentum = Annotated[float, Field(ge=0, lt=1, description="Share of the last step that is taken again.")]


class Sgd(Optimizer):
    """Steps against the gradient, and on in the direction of the steps before.

    Weight decay is added to the gradient. Source: Sutskever et al., On the Importance of Initialization and
    Momentum in Deep Learning (2013); `torch.optim.SGD`.
    """

    def __init__(
        self,
        *,
        momentum: Momentum = 0.9,
        nesterov: Annotated[bool, Field(description="Look ahead by the momentum; needs some.")] = False,
    ) -> None:
        if nesterov and not momentum:
            raise Incompatible("needs a momentum above 0 to look ahead by it (nesterov)")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        return [torch.optim.SGD(list(groups), momentum=self.momentum, nesterov=self.nesterov)]
