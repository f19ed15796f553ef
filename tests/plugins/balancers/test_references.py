"""Every balancer against something computed another way: a closed form, a solver, its paper's identity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor
from torchjd import aggregation, scalarization

from mtl.core.contracts import Balancer
from mtl.core.registry import discover

REGISTRY = discover()


def make(name: str, tasks: int = 2, **options: object) -> Balancer:
    """Build a balancer for so many tasks."""
    return REGISTRY.find("balancer", name).load()([f"t{i}" for i in range(tasks)], **options)


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


LOSSES = torch.tensor([0.3, 2.0, 0.9])


def slopes(objective, losses: Tensor) -> Tensor:
    leaf = losses.clone().requires_grad_()
    return torch.autograd.grad(objective(leaf), leaf)[0]


def test_gls_is_the_derivative_of_the_geometric_mean() -> None:
    expected = slopes(lambda x: x.prod() ** (1 / 3), LOSSES)
    torch.testing.assert_close(make("gls", 3).weights(LOSSES, None), expected)


def test_stch_is_the_derivative_of_the_smooth_maximum() -> None:
    expected = torch.softmax(LOSSES / 3 / 0.2, dim=0) / 3
    torch.testing.assert_close(make("stch", 3, mu=0.2).weights(LOSSES, None), expected)


def test_uncertainty_minimises_half_exp_minus_s_times_loss_plus_half_s() -> None:
    balancer = make("uncertainty", 3)
    (s,) = balancer.parameters()
    with torch.no_grad():
        s.copy_(torch.tensor([0.5, -1.0, 0.0]))
    torch.testing.assert_close(balancer.weights(LOSSES, None), 0.5 * torch.exp(-s.detach()))
    own = balancer.own_loss(LOSSES, None)
    assert own is not None
    own.backward()
    torch.testing.assert_close(s.grad, 0.5 - 0.5 * torch.exp(-s.detach()) * LOSSES)


def test_dwa_weighs_by_the_ratio_of_the_last_two_epochs() -> None:
    balancer = make("dwa", temperature=2.0)
    for epoch in ([2.0, 4.0], [1.0, 3.0]):
        assert balancer.weights(LOSSES[:2], None).tolist() == [1.0, 1.0]
        balancer.post_epoch(torch.tensor(epoch))
    exponentials = [math.exp(0.5 / 2), math.exp(0.75 / 2)]
    expected = [2 * value / sum(exponentials) for value in exponentials]
    assert balancer.weights(LOSSES[:2], None).tolist() == pytest.approx(expected)


def test_rlw_is_a_softmax_of_normal_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.softmax(torch.randn(3), dim=0)
    torch.manual_seed(3)
    torch.testing.assert_close(make("rlw", 3).weights(LOSSES, None), expected)


def test_famo_is_torchjds() -> None:
    ours, theirs = make("famo", 3), scalarization.FAMO(3)
    for step in range(1, 6):
        before, after = LOSSES / step, LOSSES / (step + torch.tensor([0.2, 0.5, 1.0]))
        torch.testing.assert_close(ours.weights(before, None), slopes(theirs, before), rtol=1e-4, atol=1e-6)
        theirs(before)
        theirs.update(after)
        ours.post_update(before, after)
    assert ours.logits.abs().min() > 0


def test_imtl_gives_equal_projections_and_the_scaled_losses() -> None:
    gradients = draw(1)
    balancer = make("imtl", 3, half="gradients")
    found = direction(balancer, gradients)
    projections = torch.nn.functional.normalize(gradients, dim=1) @ found
    torch.testing.assert_close(projections, projections.mean().expand(3), rtol=1e-4, atol=1e-5)
    assert balancer.weights(torch.ones(3), gradients).sum().item() == pytest.approx(1.0, abs=1e-5)
    losses = make("imtl", 3, half="losses")
    (s,) = losses.parameters()
    own = losses.own_loss(LOSSES, None)
    assert own is not None
    own.backward()
    torch.testing.assert_close(s.grad, LOSSES - 1)  # of exp(s) L - s at s = 0


def test_gradnorm_balances_the_lengths() -> None:
    balancer = make("gradnorm", 2, alpha=1.0)
    gradients = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    balancer.weights(torch.tensor([2.0, 2.0]), gradients)
    losses = torch.tensor([1.0, 2.0])
    balancer.weights(losses, gradients)
    # lengths 5 and 1, mean 3; ratios 1/2 and 1, relative to their mean 2/3 and 4/3: targets 2 and 4
    own = balancer.own_loss(losses, gradients)
    assert own is not None
    assert own.item() == pytest.approx(abs(5 - 2) + abs(1 - 4))
    own.backward()
    # d/dw = (5, -1), and dw/dp of 2 softmax(p) at 0 is [[.5, -.5], [-.5, .5]]
    assert balancer.logits.grad.tolist() == pytest.approx([3.0, -3.0])


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_mgda_of_two_is_the_nearest_point_of_the_segment(seed: int) -> None:
    one, other = gradients = draw(seed, tasks=2)
    share = float(((other - one) @ other) / (one - other).square().sum())
    share = min(max(share, 0.0), 1.0)
    expected = share * one + (1 - share) * other
    torch.testing.assert_close(direction(make("mgda"), gradients), expected, rtol=1e-3, atol=1e-4)


def test_mgda_of_three_is_the_shortest_vector() -> None:
    gradients = draw(5)
    gramian = (gradients @ gradients.T).double().numpy()
    best = minimize(
        lambda w: w @ gramian @ w,
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    assert direction(make("mgda", 3), gradients).square().sum().item() == pytest.approx(best.fun, rel=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_pcgrad_of_two_is_the_projection_by_hand(seed: int) -> None:
    one, other = gradients = draw(seed, tasks=2)
    dot = min(float(one @ other), 0.0)
    expected = one - dot / other.square().sum() * other + other - dot / one.square().sum() * one
    torch.testing.assert_close(direction(make("pcgrad"), gradients), expected, rtol=1e-4, atol=1e-5)


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


def test_graddrop_keeps_one_sign_with_the_stated_probability() -> None:
    gradients = torch.tensor([[3.0], [-1.0]]).expand(2, 4000)
    torch.manual_seed(0)
    found = direction(make("graddrop"), gradients)
    assert set(found.tolist()) == {3.0, -1.0}
    assert (found > 0).float().mean().item() == pytest.approx(0.75, abs=0.03)  # (1 + 2 / 4) / 2
    torch.testing.assert_close(direction(make("graddrop", leak=1.0), gradients), gradients.sum(dim=0))


def test_cagrad_solves_its_dual() -> None:
    gradients = draw(2)
    gramian = (gradients @ gradients.T).double().numpy()
    mean, c = np.full(3, 1 / 3), 0.4
    length = c * math.sqrt(mean @ gramian @ mean)
    best = minimize(
        lambda w: w @ gramian @ mean + length * math.sqrt(w @ gramian @ w),
        mean,
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    ).x
    expected = mean + length / math.sqrt(best @ gramian @ best) * best
    found = make("cagrad", 3, c=c).weights(torch.ones(3), gradients)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=2e-3, abs=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_nash_is_the_fixed_point(seed: int) -> None:
    gradients = draw(seed).double()
    found = make("nash-mtl", 3, max_norm=1e9).weights(torch.ones(3), gradients)
    torch.testing.assert_close(gradients @ gradients.T @ found, 1 / found, rtol=1e-6, atol=1e-6)


def test_nash_is_cut_to_its_length() -> None:
    assert direction(make("nash-mtl", 3, max_norm=0.7), draw(3)).norm().item() == pytest.approx(0.7, rel=1e-4)


def test_aligned_gradients_are_orthogonal_and_equally_long() -> None:
    gradients = draw(4).double()
    left, values, right = torch.linalg.svd(gradients, full_matrices=False)
    expected = (values.min() * left @ right).mean(dim=0)
    torch.testing.assert_close(direction(make("aligned-mtl", 3), gradients), expected)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fairgrad_is_stationary(alpha: float) -> None:
    gradients = draw(6).double() * 0.01
    found = make("fairgrad", 3, alpha=alpha).weights(torch.ones(3), gradients)
    left = gradients @ gradients.T @ found
    torch.testing.assert_close(left, found ** (-1 / alpha), rtol=1e-4, atol=1e-8)


def test_db_mtl_scales_log_gradients_to_the_longest() -> None:
    gradients, losses = draw(7), LOSSES
    balancer = make("db-mtl", 3, beta=0.0)
    found = direction(balancer, gradients, losses)
    logs = gradients / losses[:, None]
    longest = logs.norm(dim=1).max()
    expected = (longest * torch.nn.functional.normalize(logs, dim=1)).sum(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    heads = balancer.head_weights(losses, torch.ones(3))
    torch.testing.assert_close(heads, slopes(lambda x: x.log().sum(), losses))


def test_db_mtl_averages_over_steps() -> None:
    balancer = make("db-mtl", 2, beta=0.8, decay=0.5)
    steps = [draw(seed, tasks=2) for seed in (1, 2)]
    for gradients in steps:
        balancer.weights(torch.ones(2), gradients)
    first = 0.2 * steps[0]
    kept = 0.8 / math.sqrt(2)
    torch.testing.assert_close(balancer.average, steps[1] + kept * (first - steps[1]))


def nearest_on_simplex(value: Tensor) -> Tensor:
    """Return the projection of two weights: on a segment it is a clamp."""
    share = ((value[0] - value[1] + 1) / 2).clamp(0, 1)
    return torch.stack([share, 1 - share])


def test_moco_follows_its_equations() -> None:
    balancer = make("moco", 2, beta=0.5, gamma=0.1, rho=0.2, decay=0.5)
    y, w = torch.zeros(2, 6), torch.tensor([0.5, 0.5])
    for step in (1, 2, 3):
        gradients = draw(step, tasks=2, size=6)
        y = y - 0.5 / math.sqrt(step) * (y - gradients)
        matrix = y @ y.T + 0.2 * torch.eye(2)
        w = nearest_on_simplex(w - 0.1 / math.sqrt(step) * matrix @ w)
        torch.testing.assert_close(direction(balancer, gradients), w @ y)


def test_modo_is_torchjds_and_updates_with_both_halves() -> None:
    ours, theirs = make("modo", 3, gamma=0.05), aggregation.MoDoWeighting(gamma=0.05, rho=0.1)
    for seed in range(4):
        parts = torch.stack([draw(seed), draw(seed + 10)])
        expected = theirs(parts[0] @ parts[1].T)
        torch.testing.assert_close(direction(ours, parts), expected @ parts.mean(dim=0))


def test_sdmgrad_is_torchjds_and_updates_with_the_third_part() -> None:
    ours, theirs = make("sdmgrad", 3), aggregation.SDMGradWeighting()
    for seed in range(4):
        parts = torch.stack([draw(seed), draw(seed) + 0.1, draw(seed + 20)])
        expected = theirs(parts[0] @ parts[1].T) @ parts[2]
        torch.testing.assert_close(direction(ours, parts), expected, rtol=1e-4, atol=1e-4)


def test_upgrad_solves_its_quadratic_programmes() -> None:
    gradients = draw(8)
    gramian = (gradients @ gradients.T).double().numpy()
    total = np.zeros(3)
    for task in range(3):
        floor = np.eye(3)[task] / 3
        total += minimize(
            lambda v: v @ gramian @ v,
            floor + 0.1,
            jac=lambda v: 2 * gramian @ v,
            bounds=[(low, None) for low in floor],
            options={"ftol": 1e-14, "gtol": 1e-10},
        ).x
    found = make("upgrad", 3).weights(torch.ones(3), gradients)
    assert found.tolist() == pytest.approx(total.tolist(), rel=1e-3, abs=1e-4)


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
    for losses, gradients in [
        (torch.ones(tasks), torch.ones(shape)),
        (torch.ones(tasks), torch.zeros(shape)),
        (torch.ones(tasks).index_fill(0, torch.tensor(0), 0.0), absent),
        (torch.zeros(tasks), torch.zeros(shape)),
    ]:
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


@pytest.mark.parametrize("tasks", [2, 3])
def test_config_is_torchjds(tasks: int) -> None:
    gradients = draw(13, tasks=tasks)
    expected = aggregation.ConFIG()(gradients)
    torch.testing.assert_close(direction(make("config", tasks), gradients), expected, rtol=1e-4, atol=1e-5)


def test_gradvac_turns_short_gradients_as_far() -> None:
    gradients = torch.tensor([[1.0, 0.0], [-0.5, math.sqrt(0.75)]])
    weights = [make("gradvac").weights(torch.ones(2), length * gradients) for length in (1.0, 1e-6)]
    assert weights[0].tolist() == pytest.approx([1.5, 1.5], rel=1e-4)
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-4)
