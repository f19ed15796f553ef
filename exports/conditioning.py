"""How far a model's answers move when its weights are rounded otherwise: closer no two runtimes can come.

A training that nearly diverged leaves sums of large numbers that cancel. Their float32 roundings reach the
answers, and differ with the order in which a runtime adds.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from ..core.contracts.randomness import generator

TURNS = 2
"""Copies of a model whose answers are compared with its own."""

ROUNDINGS = 4.0
"""What two runtimes may differ by, in units of what such a copy differs by: a weight is rounded once, a sum
as often as it has terms."""

MOST = 100.0
"""The most that this may add to a tolerance, in units of it: beyond, a model's numbers say nothing."""

_LAST_PLACE = 2.0**-23


def rounded_otherwise(model: nn.Module, turn: int) -> nn.Module:
    """Return a copy whose float numbers are each changed by at most a unit in the last place.

    The same `turn` gives the same copy.
    """
    changed = copy.deepcopy(model)
    source = generator("cpu", 0, "verification", "rounding", turn)
    with torch.no_grad():
        for numbers in (*changed.parameters(), *changed.buffers()):
            if numbers.is_floating_point():
                part = torch.rand(numbers.shape, generator=source).to(numbers.dtype) * 2 - 1
                numbers.mul_(1 + _LAST_PLACE * part)
    return changed
