"""Balancers of gradients that remember or draw, against the authors' equations over eight steps."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from .trajectory import RATE, SIZE, Array, Reference, follow, make, on_simplex, softmax

TASKS = [2, 3]


def orders(count: int) -> list[tuple[tuple[int, ...], ...]]:
    """Return every way in which each task may go through the others."""
    return list(product(*(permutations([j for j in range(count) if j != i]) for i in range(count))))


class GradNorm(Reference):
    """Chen et al. 2018, equations 1 and 2; the weights, `T softmax`, are trained with the model."""

    def __init__(self, count: int, alpha: float, by_epoch: bool) -> None:
        self.values, self.alpha, self.by_epoch = np.zeros(count), alpha, by_epoch
        self.initial: Array | None = None

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        count = len(losses)
        if self.initial is None and not self.by_epoch:
            self.initial = losses
        shares = softmax(self.values)
        weights = count * shares
        if self.initial is not None:
            norms = np.linalg.norm(gradients, axis=1)
            rates = losses / self.initial
            target = (weights * norms).mean() * (rates / rates.mean()) ** self.alpha
            slope = np.sign(weights * norms - target) * norms
            self.values = self.values - RATE * count * (np.diag(shares) - np.outer(shares, shares)) @ slope
        return weights @ gradients, weights

    def epoch(self, losses: Array) -> None:
        if self.by_epoch and self.initial is None:
            self.initial = losses


class Surgery(Reference):
    """Yu et al. 2020, Algorithm 1, in whichever order of the others was drawn."""

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        found = []
        for order in orders(len(gradients)):
            total = np.zeros(SIZE)
            for index, others in enumerate(order):
                own = gradients[index].copy()
                for other in others:
                    own -= (
                        min(own @ gradients[other], 0)
                        / (gradients[other] @ gradients[other])
                        * gradients[other]
                    )
                total += own
            found.append(total)
        nearest = min(range(len(found)), key=lambda index: np.abs(found[index] - observed).max())
        return found[nearest], np.ones(len(gradients))


class Vaccine(Reference):
    """Wang et al. 2021, equations 2 and 3, with a moving average of the cosine per pair.

    Several orders may give the same gradient and other averages: all that fit so far are followed.
    """

    def __init__(self, count: int, beta: float) -> None:
        self.aims, self.beta = [np.zeros((count, count))], beta

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        ways = product(self.aims, orders(len(gradients)))
        found = [self.turned(aim, gradients, order) for aim, order in ways]
        total, _ = min(found, key=lambda one: np.abs(one[0] - observed).max())
        fitting = {aim.round(12).tobytes(): aim for one, aim in found if np.allclose(one, total, atol=1e-10)}
        self.aims = list(fitting.values())
        return total, np.ones(len(gradients))

    def turned(
        self, aims: Array, gradients: Array, order: tuple[tuple[int, ...], ...]
    ) -> tuple[Array, Array]:
        aim, total = aims.copy(), np.zeros(SIZE)
        for i, others in enumerate(order):
            own = gradients[i].copy()
            for j in others:
                length, other = np.linalg.norm(own), np.linalg.norm(gradients[j])
                cosine = own @ gradients[j] / length / other
                if cosine < aim[i, j]:
                    sine, aimed = np.sqrt(1 - cosine**2), np.sqrt(1 - aim[i, j] ** 2)
                    own = own + length * (aim[i, j] * sine - cosine * aimed) / (other * aimed) * gradients[j]
                aim[i, j] = (1 - self.beta) * aim[i, j] + self.beta * cosine
            total += own
        return total, aim


class SignDropout(Reference):
    """Chen et al. 2020, Algorithm 1: every coordinate keeps one sign, and leaks the rest."""

    def __init__(self, leak: float) -> None:
        self.leak = leak

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        up, down = np.maximum(gradients, 0).sum(0), np.minimum(gradients, 0).sum(0)
        ups, downs = up + self.leak * down, down + self.leak * up
        return np.where(np.abs(ups - observed) < np.abs(downs - observed), ups, downs), np.ones(
            len(gradients)
        )


class ExcessRisk(Reference):
    """He et al. 2024, as their program: the first step, or the warm-up, only records."""

    def __init__(self, count: int, step_size: float, warm_up: int) -> None:
        self.values, self.step_size, self.warm_up = np.full(count, 1 / count), step_size, warm_up
        self.squares, self.recorded, self.epochs = 0.0, [], 0

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        self.squares = self.squares + gradients**2
        risk = (gradients**2 / np.sqrt(self.squares + 1e-7)).sum(1)
        if not self.recorded or self.epochs < self.warm_up:
            self.recorded.append(risk)
        else:
            moved = self.values * np.exp(self.step_size * risk / np.mean(self.recorded, axis=0))
            self.values = moved / moved.sum()
        return self.values @ gradients, self.values

    def epoch(self, losses: Array) -> None:
        self.epochs += 1


class DualBalancing(Reference):
    """Lin et al. 2023, Algorithm 1."""

    def __init__(self, decay: float) -> None:
        self.average, self.steps, self.decay = 0.0, 0, decay

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        self.steps += 1
        of_logarithms = gradients / (losses[:, None] + 1e-8)
        kept = 0.9 / self.steps**self.decay
        self.average = of_logarithms + kept * (self.average - of_logarithms)
        lengths = np.linalg.norm(self.average, axis=1)
        return lengths.max() / lengths @ self.average, 1 / (losses + 1e-8)


class MomentumCorrection(Reference):
    """Fernando et al. 2023, Algorithm 1, or their program: scaled gradients and a softmax."""

    def __init__(self, count: int, decay: float, rho: float, program: bool) -> None:
        self.tracked, self.values, self.steps = np.zeros((count, SIZE)), np.full(count, 1 / count), 0
        self.decay, self.rho, self.program = decay, rho, program

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        self.steps += 1
        if self.program:
            lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
            gradients = gradients / (lengths + 1e-8) * losses[:, None]
        self.tracked = self.tracked - 0.5 / self.steps**self.decay * (self.tracked - gradients)
        matrix = self.tracked @ self.tracked.T + self.rho * np.eye(len(losses))
        moved = self.values - 0.1 / self.steps**self.decay * matrix @ self.values
        self.values = softmax(moved) if self.program else on_simplex(moved)
        return self.values @ self.tracked, np.ones(len(losses))


class DoubleSampling(Reference):
    """Chen et al. 2023, equation 2.9; the update takes the mean of both draws."""

    def __init__(self, count: int, gamma: float) -> None:
        self.values, self.gamma = np.full(count, 1 / count), gamma

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        one, other = gradients
        slope = one @ other.T @ self.values + 0.1 * self.values
        self.values = on_simplex(self.values - self.gamma * slope)
        return self.values @ gradients.mean(0), np.ones(len(losses))


class DirectionOriented(Reference):
    """Xiao et al. 2023, Algorithm 1, with their program's 20 projected steps with momentum."""

    def __init__(self, count: int, learning_rate: float) -> None:
        self.values, self.learning_rate = np.full(count, 1 / count), learning_rate

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        one, other, third = gradients
        products = one @ other.T
        products = products / (np.sqrt(np.maximum(np.diag(products), 0)).mean() ** 2 + 1e-8)
        velocity: Array | None = None
        for _ in range(20):
            slope = products @ self.values + 0.3 * products.mean(1)
            velocity = slope if velocity is None else 0.5 * velocity + slope
            self.values = on_simplex(self.values - self.learning_rate * velocity)
        return (self.values @ third + 0.3 * third.mean(0)) / 1.3, np.ones(len(losses))


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("form", ["paper", "code"])
def test_gradnorm(count: int, form: str) -> None:
    follow("gradnorm", count, GradNorm(count, 1.5, form == "code"), form=form)


@pytest.mark.parametrize("count", TASKS)
def test_pcgrad(count: int) -> None:
    follow("pcgrad", count, Surgery())


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("beta", [0.01, 0.5])
def test_gradvac(count: int, beta: float) -> None:
    follow("gradvac", count, Vaccine(count, beta), beta=beta)


def test_the_order_of_the_others_is_drawn() -> None:
    """Three gradients that all conflict: over many draws all eight orders come up."""
    gradients = torch.tensor([[1.0, 0.0, 0.2], [-0.6, 0.8, 0.0], [-0.5, -0.8, 0.1]]).double()
    for name in ("pcgrad", "gradvac"):
        found = set()
        for seed in range(60):
            torch.manual_seed(seed)
            balancer = make(name, 3).double()
            weights = balancer.weights(torch.ones(3), gradients)
            found.add(tuple(round(value, 6) for value in weights.tolist()))
        assert len(found) == len(orders(3)) == 8


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("leak", [0.0, 0.25])
def test_graddrop(count: int, leak: float) -> None:
    follow("graddrop", count, SignDropout(leak), leak=leak)


def test_graddrop_keeps_a_sign_with_the_stated_probability() -> None:
    gradients = torch.tensor([[3.0], [-1.0]]).expand(2, 4000)
    torch.manual_seed(0)
    balancer = make("graddrop")
    found = balancer.direction(gradients, balancer.weights(torch.ones(2), gradients))
    assert set(found.tolist()) == {3.0, -1.0}
    assert (found > 0).float().mean().item() == pytest.approx(0.75, abs=0.03)  # (1 + 2 / 4) / 2


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize(("step_size", "warm_up"), [(0.01, 0), (1.0, 0), (1.0, 2)])
def test_excess_mtl(count: int, step_size: float, warm_up: int) -> None:
    reference = ExcessRisk(count, step_size, warm_up)
    follow("excess-mtl", count, reference, tolerance=1e-6, step_size=step_size, warm_up=warm_up)
    assert len(reference.recorded) == (1 if warm_up == 0 else 4)


def test_excess_mtl_only_records_in_its_first_step_by_default() -> None:
    gradients = torch.tensor([[30.0, 40.0], [0.0, 1.0]])
    balancer = make("excess-mtl")
    assert balancer.weights(torch.ones(2), gradients).tolist() == [0.5, 0.5]
    assert balancer.weights(torch.ones(2), gradients)[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("decay", [0.5, 0.0])
def test_db_mtl(count: int, decay: float) -> None:
    follow("db-mtl", count, DualBalancing(decay), tolerance=1e-6, decay=decay)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize(
    ("decay", "rho", "form"), [(0.0, 0.0, "paper"), (0.5, 0.2, "paper"), (0.5, 0.0, "code")]
)
def test_moco(count: int, decay: float, rho: float, form: str) -> None:
    reference = MomentumCorrection(count, decay, rho, form == "code")
    follow("moco", count, reference, decay=decay, rho=rho, form=form)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("gamma", [1e-3, 0.1])
def test_modo(count: int, gamma: float) -> None:
    follow("modo", count, DoubleSampling(count, gamma), gamma=gamma)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("learning_rate", [10.0, 0.5])
def test_sdmgrad(count: int, learning_rate: float) -> None:
    reference = DirectionOriented(count, learning_rate)
    follow("sdmgrad", count, reference, tolerance=1e-6, learning_rate=learning_rate)
