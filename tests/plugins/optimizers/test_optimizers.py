"""Every optimizer is its equation, written out; two steps of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import Optimizer
from mtl.core.training.update import Update
from mtl.plugins.optimizers.adam import Adam
from mtl.plugins.optimizers.adamw import AdamW
from mtl.plugins.optimizers.muon import Muon
from mtl.plugins.optimizers.rmsprop import RmsProp
from mtl.plugins.optimizers.sgd import Sgd

Numbers = NDArray[np.float64]
RATE, DECAY = 0.1, 0.3
START = np.array([1.0, -2.0, 0.5])
GRADIENTS = (np.array([0.3, -0.1, 2.0]), np.array([-0.4, 0.2, 1.0]))


def adam(coupled: bool) -> Callable[[], Numbers]:
    def run() -> Numbers:
        value, mean, square = START.copy(), np.zeros(3), np.zeros(3)
        for step, given in enumerate(GRADIENTS, 1):
            gradient = given + DECAY * value if coupled else given
            value = value if coupled else value * (1 - RATE * DECAY)
            mean = 0.8 * mean + 0.2 * gradient
            square = 0.9 * square + 0.1 * gradient**2
            value = value - RATE * (mean / (1 - 0.8**step)) / (np.sqrt(square / (1 - 0.9**step)) + 1e-3)
        return value

    return run


def sgd(nesterov: bool) -> Callable[[], Numbers]:
    def run() -> Numbers:
        value, velocity = START.copy(), np.zeros(3)
        for given in GRADIENTS:
            gradient = given + DECAY * value
            velocity = 0.5 * velocity + gradient
            value = value - RATE * (gradient + 0.5 * velocity if nesterov else velocity)
        return value

    return run


def rmsprop(centered: bool) -> Callable[[], Numbers]:
    def run() -> Numbers:
        value, square, mean = START.copy(), np.zeros(3), np.zeros(3)
        for given in GRADIENTS:
            gradient = given + DECAY * value
            square = 0.9 * square + 0.1 * gradient**2
            mean = 0.9 * mean + 0.1 * gradient
            spread = square - mean**2 if centered else square
            value = value - RATE * gradient / (np.sqrt(spread) + 1e-3)
        return value

    return run


CASES: dict[str, tuple[Optimizer, Callable[[], Numbers]]] = {
    "adam": (Adam(betas=(0.8, 0.9), epsilon=1e-3), adam(coupled=True)),
    "adamw": (AdamW(betas=(0.8, 0.9), epsilon=1e-3), adam(coupled=False)),
    "sgd": (Sgd(momentum=0.5), sgd(nesterov=False)),
    "nesterov": (Sgd(momentum=0.5, nesterov=True), sgd(nesterov=True)),
    "rmsprop": (RmsProp(smoothing=0.9, epsilon=1e-3), rmsprop(centered=False)),
    "centered": (RmsProp(smoothing=0.9, epsilon=1e-3, centered=True), rmsprop(centered=True)),
}


def stepped(optimizer: Optimizer, start: Numbers, gradients: tuple[Numbers, ...], decay: float) -> Numbers:
    parameter = nn.Parameter(torch.tensor(start, dtype=torch.float32))
    update = Update([{"params": [parameter], "lr": RATE, "weight_decay": decay}], optimizer)
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=torch.float32)
        update(torch.zeros(()))
    return parameter.detach().double().numpy()


@pytest.mark.parametrize("name", CASES)
def test_it_is_its_equation(name: str) -> None:
    optimizer, reference = CASES[name]
    np.testing.assert_allclose(stepped(optimizer, START, GRADIENTS, DECAY), reference(), rtol=2e-5)


def test_muon_turns_matrices_by_an_orthogonal_step_and_the_rest_by_adamw() -> None:
    random = np.random.default_rng(0)
    gradient = random.normal(size=(6, 4))
    step = -stepped(Muon(), np.zeros((6, 4)), (gradient,), 0.0)
    scale = RATE * 0.2 * np.sqrt(6)
    assert np.linalg.svd(step / scale, compute_uv=False) == pytest.approx([1.0] * 4, abs=0.35)
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    assert np.vdot(step / scale, left @ right) / 4 == pytest.approx(1.0, abs=0.35)
    vector = stepped(Muon(), START, GRADIENTS[:1], 0.0)
    np.testing.assert_allclose(vector, START - RATE * np.sign(GRADIENTS[0]), rtol=1e-5)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(Incompatible, match="needs a momentum above 0"):
        Sgd(momentum=0.0, nesterov=True)


def test_the_deviation_of_one_gradient_is_refused() -> None:
    with pytest.raises(Incompatible, match="needs a smoothing above 0"):
        RmsProp(smoothing=0.0, centered=True)
