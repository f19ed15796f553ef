"""The update is torch's own, to the bit, and is skipped where it is told to be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mtl.core.recipe import Training
from mtl.core.training.update import Update

OPTIMIZERS: dict[str, Any] = {
    "adam": lambda given, decay: torch.optim.Adam(given, lr=0.01, weight_decay=decay, fused=True),
    "adamw": lambda given, decay: torch.optim.AdamW(given, lr=0.01, weight_decay=decay, fused=True),
    "sgd": lambda given, decay: torch.optim.SGD(given, lr=0.01, weight_decay=decay, momentum=0.9, fused=True),
}
KEEP = torch.zeros(())
SKIP = torch.ones(())


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in ((3,), (2, 3), (4, 2, 3, 3))]


def rule(given: list[nn.Parameter], name: str = "adam", decay: float = 0.0) -> Update:
    return Update(given, Training(optimizer=name, learning_rate=0.01, weight_decay=decay))  # type: ignore[arg-type]


def give_gradients(given: list[nn.Parameter], step: int) -> None:
    torch.manual_seed(100 + step)
    for parameter in given:
        parameter.grad = torch.randn(parameter.shape)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_is_torchs_fused_optimizer_to_the_bit(name: str, decay: float) -> None:
    ours, theirs = parameters(), parameters()
    update, optimizer = rule(ours, name, decay), OPTIMIZERS[name](theirs, decay)
    for step in range(4):
        for given in (ours, theirs):
            give_gradients(given, step)
        if step == 2:
            # A parameter without a gradient stays as it is, and its steps are not counted.
            ours[1].grad = theirs[1].grad = None
        update(KEEP)
        optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_skipped_update_changes_no_parameter(name: str) -> None:
    given = parameters()
    update = rule(given, name)
    give_gradients(given, 0)
    update(KEEP)
    before = [parameter.detach().clone() for parameter in given]
    update(SKIP)
    assert all(torch.equal(old, new) for old, new in zip(before, given, strict=True))


def test_gradients_in_another_memory_layout_are_understood() -> None:
    ours, theirs = parameters(), parameters()
    ours[2].data = ours[2].data.contiguous(memory_format=torch.channels_last)
    update, reference = rule(ours), rule(theirs)
    for given, one in ((ours, update), (theirs, reference)):
        give_gradients(given, 0)
        one(KEEP)
    assert torch.equal(ours[2], theirs[2])


def test_the_state_comes_back() -> None:
    straight, resumed = parameters(), parameters()
    first, second = rule(straight), rule(resumed)
    give_gradients(straight, 0)
    first(KEEP)
    for one, other in zip(straight, resumed, strict=True):
        other.data.copy_(one.data)
    second.load({name: value.clone() for name, value in first.tensors().items()})
    for given, one in ((straight, first), (resumed, second)):
        give_gradients(given, 1)
        one(KEEP)
    assert all(torch.equal(one, other) for one, other in zip(straight, resumed, strict=True))
