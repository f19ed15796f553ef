"""Balancers of losses against the authors' equations written out, over eight steps with state."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .trajectory import RATE, Array, Reference, Tasks, follow, softmax

TASKS = [2, 3]


class OfLosses(Reference):
    """A method that weighs whole losses."""

    def weights(self, losses: Array) -> Array:
        raise NotImplementedError

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        weights = self.weights(losses)
        return weights @ gradients, weights


class Fixed(OfLosses):
    def __init__(self, *values: float) -> None:
        self.values = np.array(values)

    def weights(self, losses: Array) -> Array:
        return self.values


class Kendall(OfLosses):
    """Kendall et al. 2018, equation 7: L / (2 exp s) + s / 2, s trained with the model."""

    def __init__(self, count: int, start: float) -> None:
        self.s = np.full(count, start)

    def weights(self, losses: Array) -> Array:
        weights: Array = 1 / (2 * np.exp(self.s))
        self.s = self.s - RATE * (0.5 - losses * weights)
        return weights


class Liu(OfLosses):
    """Liu et al. 2019, equation 7: the ratio of the last two epochs' losses."""

    def __init__(self, count: int) -> None:
        self.past: list[Array] = []
        self.count = count

    def weights(self, losses: Array) -> Array:
        if len(self.past) < 2:
            return np.ones(self.count)
        return self.count * softmax(self.past[-1] / self.past[-2] / 2.0)

    def epoch(self, losses: Array) -> None:
        self.past.append(losses)


class Chennupati(OfLosses):
    """Chennupati et al. 2019, equation 2: the derivative of (prod L) ** (1 / T)."""

    def weights(self, losses: Array) -> Array:
        count = len(losses)
        others = np.array([np.delete(losses, index).prod() for index in range(count)])
        found: Array = losses.prod() ** (1 / count - 1) * others / count
        return found


class Random(OfLosses):
    """Lin et al. 2022, Algorithm 2."""

    def weights(self, losses: Array) -> Array:
        return softmax(torch.randn(len(losses), dtype=torch.float64).numpy())


class Smooth(OfLosses):
    """Lin et al. 2024, equation 5, with equal preferences and the ideal point 0."""

    def weights(self, losses: Array) -> Array:
        count, mu = len(losses), 0.1
        return softmax(losses / count / mu) / count


class SmoothProgram(OfLosses):
    """Their program: logarithms, of losses over the mean of the epoch after the warm-up."""

    def __init__(self, warm_up: int, mu: float) -> None:
        self.warm_up, self.mu = warm_up, mu
        self.epochs, self.nadir = 0, None

    def weights(self, losses: Array) -> Array:
        if self.epochs <= self.warm_up:
            return 1 / losses
        powers = np.exp(np.log(losses / self.nadir) / self.mu)
        found: Array = len(losses) * powers / powers.sum() / losses
        return found

    def epoch(self, losses: Array) -> None:
        if self.epochs == self.warm_up:
            self.nadir = losses
        self.epochs += 1


class Famo(OfLosses):
    """Liu et al. 2023, Algorithm 1, with Adam (weight decay in the gradient) written out."""

    def __init__(self, count: int) -> None:
        self.logits = np.zeros(count)
        self.first, self.second, self.steps = np.zeros(count), np.zeros(count), 0

    def weights(self, losses: Array) -> Array:
        shares = softmax(self.logits) / (losses + 1e-8)
        found: Array = shares / shares.sum()
        return found

    def after(self, before: Array, after: Array) -> None:
        fall = np.log(before + 1e-8) - np.log(after + 1e-8)
        shares = softmax(self.logits)
        jacobian = np.diag(shares) - np.outer(shares, shares)
        gradient = jacobian @ fall + 1e-3 * self.logits
        self.steps += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        mean, square = self.first / (1 - 0.9**self.steps), self.second / (1 - 0.999**self.steps)
        self.logits = self.logits - 0.025 * mean / (np.sqrt(square) + 1e-8)


@pytest.mark.parametrize("count", TASKS)
def test_the_problem_conflicts_and_is_learned(count: int) -> None:
    first, last = follow("sum", count, Fixed(*[1.0] * count))
    assert last.sum() < 0.7 * first.sum()
    tasks = Tasks(count)
    shared, _ = tasks.gradients(tasks.start, tasks.own, np.zeros(len(tasks.start)))
    unit = shared / np.linalg.norm(shared, axis=1, keepdims=True)
    assert (unit @ unit.T).min() < -0.1


@pytest.mark.parametrize("count", TASKS)
def test_weighted(count: int) -> None:
    values = [0.25, 1.0, 2.0][:count]
    follow("weighted", count, Fixed(*values), weights={"t0": 0.25, "t2": 2.0} if count == 3 else {"t0": 0.25})


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("start", [0.0, -0.5])
def test_uncertainty(count: int, start: float) -> None:
    follow("uncertainty", count, Kendall(count, start), start=start)


@pytest.mark.parametrize("count", TASKS)
def test_dwa(count: int) -> None:
    follow("dwa", count, Liu(count))


@pytest.mark.parametrize("count", TASKS)
def test_gls(count: int) -> None:
    follow("gls", count, Chennupati())


@pytest.mark.parametrize("count", TASKS)
def test_rlw(count: int) -> None:
    follow("rlw", count, Random())


@pytest.mark.parametrize("count", TASKS)
def test_stch(count: int) -> None:
    follow("stch", count, Smooth())
    follow("stch", count, SmoothProgram(1, 1.0), form="code", mu=1.0, warm_up=1)


@pytest.mark.parametrize("count", TASKS)
def test_famo(count: int) -> None:
    follow("famo", count, Famo(count))
