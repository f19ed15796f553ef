"""Fused optimizers and learning-rate schedules, and their state as tensors and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..recipe import Training


def build_optimizer(parameters: Iterable[nn.Parameter], training: Training) -> torch.optim.Optimizer:
    """Return the recipe's optimizer, fused: one kernel for all parameters, skippable on the device."""
    common: dict[str, Any] = {
        "lr": training.learning_rate,
        "weight_decay": training.weight_decay,
        "fused": True,
    }
    if training.optimizer == "adam":
        return torch.optim.Adam(parameters, **common)
    if training.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **common)
    return torch.optim.SGD(parameters, momentum=training.momentum, **common)


def learning_rate(training: Training, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 1.

    >>> training = Training(learning_rate=1.0, schedule="steps", milestones=(3,), decay=0.5)
    >>> [learning_rate(training, epoch) for epoch in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.5]
    """
    if training.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in training.milestones)
        return training.learning_rate * training.decay**passed
    if training.schedule == "cosine":
        return training.learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / training.epochs))
    return training.learning_rate


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors."""
    return {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
