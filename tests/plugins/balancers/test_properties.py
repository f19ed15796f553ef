"""What holds of balancers for any gradients: symmetries, scales, their papers' conditions, no infinities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mtl.core.contracts import Balancer

from .trajectory import REGISTRY, make

LOSSES = torch.tensor([0.3, 2.0, 0.9])


def draw(seed: int, tasks: int = 3, size: int = 20) -> Tensor:
    """Return random gradients `[T, P]` of different lengths."""
    source = torch.Generator().manual_seed(seed)
    return torch.randn(tasks, size, generator=source) * torch.rand(tasks, 1, generator=source).mul(3).add(0.2)


def conflicting() -> Tensor:
    """Return two gradients with an obtuse angle."""
    return torch.tensor([[1.0, 0.0], [-1.0, 2.0]])


def direction(balancer: Balancer, gradients: Tensor, losses: Tensor | None = None) -> Tensor:
    losses = torch.ones(gradients.shape[-2]) if losses is None else losses
    return balancer.direction(gradients, balancer.weights(losses, gradients).detach())


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_mgda_of_two_is_the_nearest_point_of_the_segment(seed: int) -> None:
    one, other = gradients = draw(seed, tasks=2)
    share = float(((other - one) @ other) / (one - other).square().sum())
    share = min(max(share, 0.0), 1.0)
    expected = share * one + (1 - share) * other
    torch.testing.assert_close(direction(make("mgda"), gradients), expected, rtol=1e-3, atol=1e-4)


def test_gradvac_reaches_the_cosine_aimed_at() -> None:
    gradients = conflicting()
    balancer = make("gradvac", beta=0.1)
    balancer.target.fill_(0.5)
    total = direction(balancer, gradients)
    cosine = -1 / math.sqrt(5)
    turned = []
    for one, other in ((0, 1), (1, 0)):
        a, b = gradients[one], gradients[other]
        weight = a.norm() * (0.5 * math.sqrt(1 - cosine**2) - cosine * math.sqrt(0.75))
        turned.append(a + weight / (b.norm() * math.sqrt(0.75)) * b)
        found = torch.nn.functional.cosine_similarity(turned[-1], b, dim=0).item()
        assert found == pytest.approx(0.5, abs=1e-5)
    torch.testing.assert_close(total, turned[0] + turned[1])
    assert balancer.target[0, 1].item() == pytest.approx(0.9 * 0.5 + 0.1 * cosine, abs=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_nash_is_the_fixed_point(seed: int) -> None:
    gradients = draw(seed).double()
    found = make("nash-mtl", 3, max_norm=1e9).weights(torch.ones(3), gradients)
    torch.testing.assert_close(gradients @ gradients.T @ found, 1 / found, rtol=1e-6, atol=1e-6)


def test_nash_is_cut_to_its_length() -> None:
    assert direction(make("nash-mtl", 3, max_norm=0.7), draw(3)).norm().item() == pytest.approx(0.7, rel=1e-4)


def test_config_has_equal_cosines_and_the_projections_length() -> None:
    gradients = draw(9)
    found = direction(make("config", 3), gradients)
    cosines = torch.nn.functional.cosine_similarity(gradients, found[None])
    torch.testing.assert_close(cosines, cosines.mean().expand(3), rtol=1e-4, atol=1e-5)
    unit = found / found.norm()
    assert found.norm().item() == pytest.approx(abs((gradients @ unit).sum().item()), rel=1e-4)


SOLVED = ["mgda", "cagrad", "nash-mtl", "aligned-mtl", "fairgrad", "upgrad", "config"]


@pytest.mark.parametrize("name", [*SOLVED, "imtl", "gradnorm", "excess-mtl", "db-mtl", "moco"])
def test_the_order_of_tasks_does_not_matter(name: str) -> None:
    gradients, order = draw(10), [2, 0, 1]
    plain = direction(make(name, 3), gradients, LOSSES)
    turned = direction(make(name, 3), gradients[order], LOSSES[order])
    torch.testing.assert_close(plain, turned, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", ["mgda", "nash-mtl", "upgrad", "config"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_no_task_is_harmed(name: str, seed: int) -> None:
    gradients = draw(seed)
    found = direction(make(name, 3), gradients)
    assert (gradients @ found).min() >= -1e-3 * float(gradients.norm() * found.norm())


@pytest.mark.parametrize("name", ["mgda", "pcgrad", "cagrad", "aligned-mtl", "upgrad", "config"])
def test_twice_the_gradients_give_twice_the_direction(name: str) -> None:
    gradients = draw(11)
    outcomes = []
    for factor in (1.0, 2.0, 1e-4):
        torch.manual_seed(0)
        outcomes.append(direction(make(name, 3), factor * gradients) / factor)
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(outcomes[0], outcomes[2], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["cagrad", "nash-mtl", "fairgrad", "upgrad", "db-mtl"])
def test_orthogonal_gradients_of_one_length_weigh_alike(name: str) -> None:
    weights = make(name, 3).weights(torch.ones(3), torch.eye(3, 9))
    torch.testing.assert_close(weights, weights.mean().expand(3), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", REGISTRY.names("balancer"))
@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_zero_gradients_and_absent_tasks_make_nothing_infinite(name: str, tasks: int) -> None:
    balancer = make(name, tasks)
    shape = (balancer.parts, tasks, 7) if balancer.parts > 1 else (tasks, 7)
    absent = torch.ones(shape)
    absent[..., 0, :] = 0
    everyone, others = torch.ones(tasks, dtype=torch.bool), torch.arange(tasks) > 0
    for losses, gradients, present in [
        (torch.ones(tasks), torch.ones(shape), everyone),
        (torch.ones(tasks), torch.zeros(shape), everyone),
        (others.float(), absent, others),
        (others.float(), absent, everyone),
        (torch.zeros(tasks), torch.zeros(shape), everyone),
        (torch.zeros(tasks), torch.zeros(shape), ~everyone),
    ]:
        balancer.present.copy_(present)
        given_gradients = gradients if balancer.needs_gradients else None
        weights = balancer.weights(losses, given_gradients).detach()
        assert weights.isfinite().all()
        if given_gradients is not None:
            assert balancer.direction(gradients, weights).isfinite().all()
            assert balancer.head_weights(losses, weights).isfinite().all()
        own = balancer.own_loss(losses, given_gradients)
        assert own is None or own.isfinite()
        balancer.post_update(losses, losses)
        balancer.post_step(losses)
        balancer.post_epoch(losses)


def test_config_holds_for_encoders_of_many_millions() -> None:
    gradients = torch.zeros(2, 2**23 + 1)
    gradients[0, 0], gradients[1, :2] = 2.0, torch.tensor([-0.5, 1.0])
    found = direction(make("config", 2), gradients)
    cosines = torch.nn.functional.cosine_similarity(gradients, found[None])
    assert cosines.tolist() == pytest.approx([cosines[0].item()] * 2, rel=1e-4)
    assert cosines[0] > 0.1


def test_gradvac_turns_short_gradients_as_far() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-0.5, math.sqrt(0.75)]])
    weights = [make("gradvac").weights(torch.ones(2), length * gradients) for length in (1.0, 1e-6)]
    assert weights[0].tolist() == pytest.approx([1.5, 1.5], rel=1e-4)
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-4)


def vanishing(step: int) -> torch.Tensor:
    """Return gradients of which some are rounding beside the others, absent, opposite, or along one line."""
    gradients = torch.randn(4, 50, generator=torch.Generator().manual_seed(step))
    match step % 5:
        case 1:
            gradients[1] *= 1e-13
        case 2:
            gradients[1] *= 1e-20
            gradients[2] = -gradients[0]
        case 3:
            gradients[2] *= 1e-25
            gradients[3] = 0.0
        case 4:
            gradients[1], gradients[2], gradients[3] = -gradients[0], gradients[0], gradients[0] * 1e-30
    return gradients


def of_gradients() -> list[str]:
    """Return the balancers that weigh by the gradients of a whole batch."""
    made = {entry.component.name: make(entry.component.name) for entry in REGISTRY.entries("balancer")}
    return [name for name, balancer in made.items() if balancer.needs_gradients and balancer.parts == 1]


@pytest.mark.parametrize("name", of_gradients())
def test_gradients_that_vanish_give_finite_weights(name: str) -> None:
    balancer = make(name, 4)
    for step in range(40):
        assert balancer.weights(torch.rand(4), vanishing(step)).isfinite().all(), step


def test_gradvac_aims_at_cosines() -> None:
    balancer = make("gradvac", 4, beta=1.0)
    for step in range(40):
        balancer.weights(torch.rand(4), vanishing(step))
        assert balancer.target.abs().max() < 1.0
