"""Checks of optimizers: every parameter once, rates that are followed, a state that can be saved."""

from __future__ import annotations

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from ..base.tensors import to_safetensors
from ..contracts import Optimizer, ParameterGroup
from ..contracts.randomness import generator
from ..training.update import Update
from .checks import check, require
from .subjects import Subject

_SHAPES = ((3,), (2, 3), (4, 2, 3, 3), ())
_STEPS = 3
_NO, _YES = torch.zeros(()), torch.ones(())


@check("optimizer")
def check_every_parameter_is_held_once(subject: Subject) -> None:
    """The optimizers that are built hold every parameter exactly once, with a learning rate above 0."""
    parameters = _parameters()
    built = _optimizer(subject).build(_groups(parameters))
    held = [id(item) for optimizer in built for group in optimizer.param_groups for item in group["params"]]
    require(
        sorted(held) == sorted(map(id, parameters)),
        f"{len(parameters)} parameters, each held once",
        f"{len(held)} held, {len(set(held))} of them different",
        "give every parameter of the groups to one optimizer",
    )
    rates = [float(group["lr"]) for optimizer in built for group in optimizer.param_groups]
    require(
        all(rate > 0 for rate in rates),
        "groups that keep the learning rate they are given, or a multiple of it",
        f"rates {rates}",
        "pass `groups` on to the optimizers of torch",
    )


@check("optimizer")
def check_steps_are_finite_and_follow_the_rate(subject: Subject) -> None:
    """Every parameter with a gradient moves by finite steps, and none moves where the rate is 0."""
    parameters = _parameters()
    update = _update(subject, parameters)
    before = _copies(parameters)
    _give_gradients(parameters, 0)
    update(_NO)
    require(
        all(
            bool(item.isfinite().all()) and not torch.equal(item, old)
            for item, old in zip(parameters, before, strict=True)
        ),
        "finite parameters that have moved",
        "some that have not, or are not finite",
        "look for a division by a running mean that is still 0",
    )
    resting = _copies(parameters)
    update.begin_block([0.0])
    _give_gradients(parameters, 1)
    update(_NO)
    require(
        _same(parameters, resting),
        "no step at a learning rate of 0",
        "parameters that move",
        "read the rate from `group['lr']` in every step: the schedule is in it",
    )


@check("optimizer")
def check_parameters_without_a_gradient_stay(subject: Subject) -> None:
    """A parameter without a gradient stays as it is, whatever the others do."""
    parameters = _parameters()
    update = _update(subject, parameters)
    for step in range(_STEPS):
        _give_gradients(parameters, step)
        before = _copies(parameters[1:2])
        parameters[1].grad = None if step else parameters[1].grad
        update(_NO)
    require(
        _same(parameters[1:2], before),
        "a parameter that stays as it is",
        "one that moves",
        "pass over parameters whose `grad` is None",
    )


@check("optimizer")
def check_a_skipped_step_changes_nothing(subject: Subject) -> None:
    """A step that must not count leaves parameters and state as they are, as if it had not been."""
    parameters, others = _parameters(), _parameters()
    for given, skips in ((parameters, True), (others, False)):
        update = _update(subject, given)
        _give_gradients(given, 0)
        update(_NO)
        if skips:
            for item in given:
                item.grad = torch.full_like(item, torch.nan)
            update(_YES)
        _give_gradients(given, 1)
        update(_NO)
    require(
        _same(parameters, others),
        "the same parameters with a skipped step as without",
        "others",
        "keep all state as tensors in `state[parameter]`, and write to them in place",
    )


@check("optimizer")
def check_state_survives_safetensors(subject: Subject) -> None:
    """The state, saved and loaded without pickle, goes on bit for bit."""
    straight = _parameters()
    update = _update(subject, straight)
    for step in range(_STEPS):
        _give_gradients(straight, step)
        update(_NO)
    resumed = _parameters()
    for item, value in zip(resumed, straight, strict=True):
        item.data.copy_(value.data)
    again = _update(subject, resumed)
    again.load(load_tensors(to_safetensors(update.tensors())))
    for given, one in ((straight, update), (resumed, again)):
        _give_gradients(given, _STEPS)
        one(_NO)
    require(
        _same(straight, resumed),
        "the same step after saving and loading",
        "another",
        "keep all state as tensors in `state[parameter]`: numbers and attributes are not saved",
    )


def _optimizer(subject: Subject) -> Optimizer:
    optimizer: Optimizer = subject.build()
    return optimizer


def _update(subject: Subject, parameters: list[nn.Parameter]) -> Update:
    return Update(_groups(parameters), _optimizer(subject))


def _parameters() -> list[nn.Parameter]:
    random = generator("cpu", 0, "parameters")
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in _SHAPES]


def _groups(parameters: list[nn.Parameter]) -> list[ParameterGroup]:
    return [
        {"params": parameters[:2], "lr": 0.01, "weight_decay": 0.0},
        {"params": parameters[2:], "lr": 0.001, "weight_decay": 0.1},
    ]


def _give_gradients(parameters: list[nn.Parameter], step: int) -> None:
    random = generator("cpu", 0, "gradients", step)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=random)


def _copies(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [item.detach().clone() for item in parameters]


def _same(ones: list[nn.Parameter], others: list[nn.Parameter] | list[Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))
