"""A task without a label in a batch takes no part in the step, and what is known of it stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mtl.core.contracts import Balancer

from .test_properties import LOSSES
from .trajectory import REGISTRY, make

UNMOVED = [name for name in REGISTRY.names("balancer") if name != "rlw"]
"""All but the one whose weights are random."""


def run_of(
    balancer: Balancer, losses: Tensor, gradients: Tensor, seed: int, present: list[bool] | None = None
) -> tuple[Tensor, Tensor]:
    """Take a step; return the weights, as shares of one, and the direction."""
    torch.manual_seed(seed)
    balancer.present.copy_(torch.tensor(present or [True] * len(losses)))
    given_gradients = gradients if balancer.needs_gradients else None
    weights = balancer.weights(losses, given_gradients).detach()
    found = balancer.direction(gradients, weights)
    own = balancer.own_loss(losses, given_gradients)
    if own is not None:
        own.backward()
    balancer.post_update(losses, losses * 0.9)
    balancer.post_step(losses)
    return weights / weights[:2].sum(), found


@pytest.mark.parametrize("name", UNMOVED)
def test_a_task_without_labels_takes_no_part(name: str) -> None:
    """Beside a task that never has a loss, two tasks are balanced as if they were alone."""
    two, three = make(name, 2), make(name, 3)
    for step in range(4):
        shape = (three.parts, 2, 12) if three.parts > 1 else (2, 12)
        gradients = torch.randn(shape, generator=torch.Generator().manual_seed(step))
        losses = torch.tensor([0.3, 2.0]) / (step + 1)
        beside = torch.cat([gradients, torch.zeros_like(gradients[..., :1, :])], dim=-2)
        alone, expected = run_of(two, losses, gradients, step)
        losses = torch.cat([losses, torch.zeros(1)])
        weights, found = run_of(three, losses, beside, step, [True, True, False])
        torch.testing.assert_close(weights[:2], alone, rtol=1e-4, atol=1e-5)
        if three.needs_gradients and name != "excess-mtl":  # whose weights sum to 1 with the absent one's
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for parameter in three.parameters():
        assert parameter.grad is not None
        assert parameter.grad[2] == 0.0


@pytest.mark.parametrize("name", ["famo", "excess-mtl", "modo", "sdmgrad", "moco", "gradvac", "gradnorm"])
def test_what_is_known_of_a_task_without_labels_stays(name: str) -> None:
    balancer = make(name, 3)
    shape = (balancer.parts, 3, 12) if balancer.parts > 1 else (3, 12)
    gradients = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    run_of(balancer, LOSSES, gradients, 0)
    before = {key: value.clone() for key, value in balancer.state_dict().items()}
    gradients[..., 2, :] = 0.0
    run_of(balancer, LOSSES * torch.tensor([1.0, 1.0, 0.0]), gradients, 1, [True, True, False])
    after = balancer.state_dict()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert changed or name == "gradnorm"  # whose parameters the recipe's optimizer moves
    for key, value in before.items():
        if value.dim() and len(value) == 3 and not (name == "moco" and key == "values"):
            assert torch.equal(after[key][2], value[2]), key
