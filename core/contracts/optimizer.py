"""The contract of an optimizer: how parameters follow their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

ParameterGroup = dict[str, Any]
"""A parameter group as `torch.optim` has it: `params` (a list), `lr` and `weight_decay` (numbers)."""


class Optimizer(ABC):
    """A thin choice of `torch.optim`'s, or of another with its interface; its constructor takes options only.

    Learning rate and weight decay are the recipe's and stand in the groups. The engine sets the rates of
    every step, clips, and sees to it that a step whose losses are not finite changes nothing. It keeps the
    state in checkpoints, so `state[parameter]` holds tensors only.

    Adam, AdamW and SGD of torch are stepped by their fused kernels. `capturable` says of others that a step
    may be captured in a CUDA graph: it reads nothing back, also from a learning rate that is a tensor.
    """

    capturable: bool = False

    @abstractmethod
    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        """Return one optimizer or several that together hold every parameter of the groups once.

        Each group of theirs keeps the `lr` it is given, or a multiple of it: the schedule starts from there.
        """
