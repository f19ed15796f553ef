"""Checks of balancers: usable weights, and a state that can be saved."""

from __future__ import annotations

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ..contracts import Balancer
from ..contracts.randomness import generator, seeded_generators
from .checks import check, require
from .specimens import TASKS
from .subjects import Subject
from .waiting import Place, first_wait

_STEPS = 3


@check("balancer")
def check_weights_are_usable(subject: Subject) -> None:
    """Weights are finite, `[T]`, not all 0, for losses of any size, a loss of 0 included."""
    balancer: Balancer = subject.build(TASKS)
    for losses in ([1.0, 1.0], [1e-6, 1e4], [0.0, 2.0]):
        got = balancer.weights(torch.tensor(losses), _gradients(balancer))
        require(
            list(got.shape) == [len(TASKS)] and bool(got.isfinite().all()) and bool(got.any()),
            f"finite weights [{len(TASKS)}] for losses {losses}",
            f"{list(got.shape)}: {got.detach().tolist()}",
            "return one weight per task; add a small number where you divide by a loss",
        )


@check("balancer")
def check_state_survives_safetensors(subject: Subject) -> None:
    """The state, saved after some steps and loaded without pickle, gives a new balancer the same weights."""
    balancer: Balancer = subject.build(TASKS)
    for step in range(1, _STEPS + 1):
        losses = torch.tensor([1.0 / step, 2.0])
        balancer.weights(losses, _gradients(balancer))
        balancer.post_step(losses)
        balancer.post_epoch(losses)
    fresh: Balancer = subject.build(TASKS)
    state = {name: value.detach().contiguous() for name, value in balancer.state_dict().items()}
    fresh.load_state_dict(load_tensors(save_tensors(state)))
    losses = torch.tensor([0.5, 1.5])
    before, after = (_seeded_weights(item, losses) for item in (balancer, fresh))
    require(
        torch.equal(before, after),
        f"the same weights after saving and loading, {before.tolist()}",
        after.tolist(),
        "keep what changes from step to step in buffers or parameters: a resumed run must go on as it was",
    )


@check("balancer")
def check_a_capturable_step_never_waits(subject: Subject) -> None:
    """A balancer that says it is `capturable` neither reads a value back from the device nor copies to it."""
    balancer: Balancer = subject.build(TASKS)
    if not balancer.capturable or balancer.needs_new_losses:
        return

    def step(place: Place) -> None:
        on_device, losses = place(balancer), place(torch.ones(len(TASKS)))
        gradients = _gradients(balancer)
        placed = None if gradients is None else place(gradients)
        weights = on_device.weights(losses, placed)
        on_device.own_loss(losses, placed)
        if placed is not None:
            on_device.direction(placed, weights.detach())
            on_device.head_weights(losses, weights.detach())
        on_device.post_step(losses)

    where = first_wait(step)
    require(
        where is None,
        "a step that never waits for the device",
        where,
        "compute on the device, with torch.where in place of if; or say `capturable = False`",
    )


def _seeded_weights(balancer: Balancer, losses: Tensor) -> Tensor:
    """Return the weights with torch's generator as the engine would seed it."""
    with seeded_generators() as seed:
        seed(0)
        return balancer.weights(losses, _gradients(balancer))


def _gradients(balancer: Balancer) -> Tensor | None:
    if not balancer.needs_gradients:
        return None
    shape = (len(TASKS), 11) if balancer.parts == 1 else (balancer.parts, len(TASKS), 11)
    return torch.randn(shape, generator=generator("cpu", 0, "gradients"))
