"""The update is torch's own, to the bit, and is skipped where it is told to be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load
from torch import nn

from mtl.core.base.tensors import to_safetensors
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.average import Average
from mtl.core.training.update import Update, update_of
from mtl.plugins.optimizers.adam import Adam
from mtl.plugins.optimizers.adamw import AdamW
from mtl.plugins.optimizers.muon import Muon
from mtl.plugins.optimizers.rmsprop import RmsProp
from mtl.plugins.optimizers.sgd import Sgd

OPTIMIZERS: dict[str, Any] = {
    "adam": lambda given, decay: torch.optim.Adam(given, lr=0.01, weight_decay=decay, fused=True),
    "adamw": lambda given, decay: torch.optim.AdamW(given, lr=0.01, weight_decay=decay, fused=True),
    "sgd": lambda given, decay: torch.optim.SGD(given, lr=0.01, weight_decay=decay, momentum=0.9, fused=True),
}
BUILT = {
    "adam": Adam(),
    "adamw": AdamW(),
    "sgd": Sgd(),
    "nesterov": Sgd(nesterov=True),
    "plain": Sgd(momentum=0.0),
    "rmsprop": RmsProp(),
    "muon": Muon(),
}
KEEP = torch.zeros(())
SKIP = torch.ones(())


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in ((3,), (2, 3), (4, 2, 3, 3))]


def rule(given: list[nn.Parameter], name: str = "adam", decay: float = 0.0, **more: Any) -> Update:
    groups = [{"params": given, "lr": 0.01, "weight_decay": decay}]
    return Update(groups, BUILT[name], clipped=given, **more)


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


@pytest.mark.parametrize("name", BUILT)
def test_a_skipped_update_changes_no_parameter(name: str) -> None:
    given = parameters()
    update = rule(given, name)
    give_gradients(given, 0)
    update(KEEP)
    before = [parameter.detach().clone() for parameter in given]
    for parameter in given:
        parameter.grad = torch.full_like(parameter, torch.nan)
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


@pytest.mark.parametrize("name", BUILT)
def test_the_state_comes_back(name: str) -> None:
    straight, resumed = parameters(), parameters()
    first, second = rule(straight, name), rule(resumed, name)
    give_gradients(straight, 0)
    first(KEEP)
    for one, other in zip(straight, resumed, strict=True):
        other.data.copy_(one.data)
    second.load(load(to_safetensors(first.tensors())))
    for given, one in ((straight, first), (resumed, second)):
        give_gradients(given, 1)
        one(KEEP)
    assert all(torch.equal(one, other) for one, other in zip(straight, resumed, strict=True))


def test_gradients_together_are_no_longer_than_the_clip() -> None:
    given = parameters()
    update = rule(given, "plain", clip=0.5)
    before = [parameter.detach().clone() for parameter in given]
    give_gradients(given, 0)
    length = torch.cat([parameter.grad.flatten() for parameter in given]).norm()
    gradients = [parameter.grad.clone() for parameter in given]
    update(KEEP)
    for old, new, gradient in zip(before, given, gradients, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.01 * gradient * 0.5 / length, rtol=1e-5, atol=1e-7)


def test_gradients_of_several_batches_are_averaged() -> None:
    given, alone = parameters(), parameters()
    update = rule(given, "plain", accumulate=2)
    give_gradients(given, 0)
    first = [parameter.grad.clone() for parameter in given]
    given[1].grad = None
    update(KEEP, closes=False)
    assert all(torch.equal(one, other) for one, other in zip(given, alone, strict=True))
    update.forget_gradients()
    give_gradients(given, 1)
    second = [parameter.grad.clone() for parameter in given]
    first[1].zero_()
    update(KEEP)
    for old, new, one, other in zip(alone, given, first, second, strict=True):
        torch.testing.assert_close(new, old - 0.01 * (one + other) / 2)


def test_groups_have_rates_and_decays_of_their_own_and_follow_the_block() -> None:
    given = parameters()
    groups = [
        {"params": given[:1], "lr": 0.1, "weight_decay": 0.0},
        {"params": given[1:], "lr": 0.01, "weight_decay": 0.5},
    ]
    update = Update(groups, Sgd(momentum=0.0))
    update.begin_block([1.0, 0.5])
    for factor in (1.0, 0.5):
        before = [parameter.detach().clone() for parameter in given]
        give_gradients(given, 0)
        update(KEEP)
        for old, new, (rate, decay) in zip(
            before, given, ((0.1, 0.0), (0.01, 0.5), (0.01, 0.5)), strict=True
        ):
            torch.testing.assert_close(new.detach(), old - factor * rate * (new.grad + decay * old))


def test_the_average_is_the_mean_that_it_says() -> None:
    model = nn.Linear(2, 1)
    average = Average(model, 0.15)
    expected = model.weight.detach().clone()
    for number in range(3):
        with torch.no_grad():
            model.weight.fill_(float(number))
        average(KEEP)
        decay = min(0.15, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * number
        average(SKIP)
    with average.in_place():
        torch.testing.assert_close(model.weight.detach(), expected)
    assert model.weight.tolist() == [[2.0, 2.0]]


def test_a_balancers_own_parameters_are_never_decayed(registry: Registry) -> None:
    tree = {
        "tasks": ["classify", "parity"],
        "encoder": {"name": "mlp", "hidden": [4]},
        "balancer": "uncertainty",
        "train": {"optimizer": "adamw", "weight_decay": 0.5, "learning_rate": 0.1},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    (own,) = composition.balancer.parameters()
    with torch.no_grad():
        own.fill_(1.0)
    weight = next(composition.model.parameters())
    update = update_of(composition)
    before = weight.detach().clone()
    for parameter in (own, weight):
        parameter.grad = torch.zeros_like(parameter)
    update(KEEP)
    assert bool((own == 1.0).all())
    torch.testing.assert_close(weight.detach(), before * (1 - 0.1 * 0.5))
