"""Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...core.contracts import Optimizer, ParameterGroup
from .adam import Betas, Epsilon


class AdamW(Optimizer):
    """Adam whose weight decay shrinks the weights themselves, whatever their gradients.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019); `torch.optim.AdamW`.
    """

    def __init__(self, *, betas: Betas = (0.9, 0.999), epsilon: Epsilon = 1e-8) -> None:
        self.betas, self.epsilon = betas, epsilon

    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        return [torch.optim.AdamW(list(groups), betas=self.betas, eps=self.epsilon)]
