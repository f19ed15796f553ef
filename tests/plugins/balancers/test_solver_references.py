"""Balancers that solve a problem in every step, against another solution of the paper's problem."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize, nnls, root

from .trajectory import RATE, Array, Reference, follow

TASKS = [2, 3]
Solve = Callable[[Array], Array]
"""From gradients `[T, P]` to the shared gradient `[P]`."""


class Solved(Reference):
    """A method without a memory that leaves the heads alone."""

    def __init__(self, solve: Solve) -> None:
        self.solve = solve

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        return self.solve(gradients), np.ones(len(gradients))


class Weighing(Reference):
    """The same for methods whose program weighs whole losses; the shared gradient may be cut in length."""

    def __init__(self, weights: Solve, longest: float = np.inf) -> None:
        self.weights, self.longest = weights, longest

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        weights = self.weights(gradients)
        direction = weights @ gradients
        return direction * min(1.0, self.longest / np.linalg.norm(direction)), weights


def shortest(gradients: Array) -> Array:
    """Return the shortest convex combination: the best of those inside a face of the simplex."""
    count, found = len(gradients), []
    for size in range(1, count + 1):
        for face in map(list, combinations(range(count), size)):
            part = np.linalg.solve(gradients[face] @ gradients[face].T, np.ones(size))
            if (part >= 0).all():
                found.append(part / part.sum() @ gradients[face])
    return min(found, key=np.linalg.norm)


def worst_helped(c: float) -> Solve:
    """CAGrad, equation 1 as it stands: the largest least progress within a ball around the mean gradient."""

    def solve(gradients: Array) -> Array:
        scale = np.linalg.norm(gradients, axis=1).mean()
        scaled = gradients / scale
        mean = scaled.mean(0)
        radius = c * np.linalg.norm(mean)
        # Over (direction, least progress).
        found = minimize(
            lambda x: -x[-1],
            np.append(mean, (scaled @ mean).min()),
            jac=lambda x: np.append(np.zeros(len(mean)), -1.0),
            constraints=[
                {"type": "ineq", "fun": lambda x: scaled @ x[:-1] - x[-1]},
                {"type": "ineq", "fun": lambda x: radius**2 - ((x[:-1] - mean) ** 2).sum()},
            ],
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        return scale * found.x[:-1]

    return solve


def balanced(power: float) -> Solve:
    """Return the positive weights with `G w = w ** -power` (Nash-MTL: 1; FairGrad: 1 / alpha)."""

    def solve(gradients: Array) -> Array:
        gramian = gradients @ gradients.T
        logarithms = -np.log(np.diag(gramian)) / 2
        # From the power 1 in small steps to the one wanted, each from the answer before.
        for step in np.linspace(1.0, power, 1 if power == 1 else 17):
            logarithms = root(
                lambda x, p=step: gramian @ np.exp(x) * np.exp(p * x) - 1, logarithms, tol=1e-13
            ).x
        weights = np.exp(logarithms)
        np.testing.assert_allclose(gramian @ weights, weights**-power, rtol=1e-6)
        return weights

    return solve


def bargained(gradients: Array) -> Array:
    """Nash-MTL, claim 3.2, cut to the length 1."""
    direction = balanced(1.0)(gradients) @ gradients
    return direction * min(1.0, 1 / np.linalg.norm(direction))


def bargained_by_the_program(gradients: Array) -> Array:
    """The authors' program solves for the Gramian over its Frobenius norm."""
    return balanced(1.0)(gradients / np.sqrt(np.linalg.norm(gradients @ gradients.T)))


def aligned(mode: str) -> Solve:
    """Aligned-MTL: all singular values of the gradients made one of them; the mean."""

    def solve(gradients: Array) -> Array:
        left, values, right = np.linalg.svd(gradients, full_matrices=False)
        chosen = {"min": values.min(), "rmse": np.sqrt((values**2).mean())}[mode]
        return (chosen * left @ right).mean(0)

    return solve


def unconflicting(gradients: Array) -> Array:
    """UPGrad: the mean of each gradient's nearest vector that conflicts with none."""
    projected = []
    for gradient in gradients:
        # The dual cone's nearest point: what is added is a combination with positive factors.
        added, _ = nnls(gradients.T, -gradient)
        projected.append(gradient + added @ gradients)
    return np.mean(projected, axis=0)


def equal_angles(gradients: Array) -> Array:
    """ConFIG, equations 2 and 3."""
    unit = gradients / np.linalg.norm(gradients, axis=1, keepdims=True)
    alike = np.linalg.pinv(unit) @ np.ones(len(unit))
    alike /= np.linalg.norm(alike)
    return (gradients @ alike).sum() * alike


class Impartial(Reference):
    """IMTL: scaled losses with `exp(s) L - s` trained (equation 6), and equal projections (equation 4)."""

    def __init__(self, count: int, half: str) -> None:
        self.s, self.half = np.zeros(count), half

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        scales = np.exp(self.s)
        if self.half != "gradients":
            self.s = self.s - RATE * (scales * losses - 1)
        else:
            scales = np.ones_like(scales)
        if self.half == "losses":
            return scales @ gradients, scales
        scaled = scales[:, None] * gradients
        unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
        differences, turned = scaled[0] - scaled[1:], unit[0] - unit[1:]
        others = scaled[0] @ turned.T @ np.linalg.inv(differences @ turned.T)
        weights = np.append(1 - others.sum(), others)
        return weights @ scaled, scales


@pytest.mark.parametrize("count", TASKS)
def test_mgda(count: int) -> None:
    follow("mgda", count, Solved(shortest), tolerance=1e-3)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("c", [0.0, 0.5])
def test_cagrad(count: int, c: float) -> None:
    follow("cagrad", count, Solved(worst_helped(c)), tolerance=1e-3, c=c)


@pytest.mark.parametrize("count", TASKS)
def test_cagrad_by_the_program_is_shorter(count: int) -> None:
    solve = worst_helped(0.5)
    follow("cagrad", count, Solved(lambda g: solve(g) / (1 + 0.5**2)), tolerance=1e-3, form="code")


@pytest.mark.parametrize("count", TASKS)
def test_nash_mtl(count: int) -> None:
    follow("nash-mtl", count, Solved(bargained), tolerance=1e-6)
    follow("nash-mtl", count, Weighing(bargained_by_the_program, longest=1.0), tolerance=1e-5, form="code")


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fairgrad(count: int, alpha: float) -> None:
    solve = balanced(1 / alpha)
    follow("fairgrad", count, Solved(lambda g: solve(g) @ g), tolerance=1e-4, alpha=alpha)
    follow("fairgrad", count, Weighing(solve), tolerance=1e-4, alpha=alpha, form="code")


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("mode", ["min", "rmse"])
def test_aligned_mtl(count: int, mode: str) -> None:
    follow("aligned-mtl", count, Solved(aligned(mode)), scale=mode)


@pytest.mark.parametrize("count", TASKS)
def test_upgrad(count: int) -> None:
    follow("upgrad", count, Solved(unconflicting), tolerance=1e-5)


@pytest.mark.parametrize("count", TASKS)
def test_config(count: int) -> None:
    follow("config", count, Solved(equal_angles), tolerance=1e-6)


@pytest.mark.parametrize("count", TASKS)
@pytest.mark.parametrize("half", ["losses", "gradients", "both"])
def test_imtl(count: int, half: str) -> None:
    follow("imtl", count, Impartial(count, half), tolerance=1e-6, half=half)
