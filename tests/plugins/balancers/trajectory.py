"""A small problem that a balancer trains step by step, beside its method written out without mtl.

The tasks want a shared point in different places, and each has a number of its own. Losses and gradients of
the reference are NumPy's; those of the balancer come from torch through the engine's own backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl.core.contracts import Balancer
from mtl.core.discovery.registry import discover
from mtl.core.training.balancing import Balancing

REGISTRY = discover()
Array = NDArray[np.float64]

STEPS, STEPS_PER_EPOCH, RATE, SIZE = 8, 2, 0.05, 6


def make(name: str, tasks: int = 2, **options: object) -> Balancer:
    """Build a balancer for so many tasks."""
    return REGISTRY.find("balancer", name).load()([f"t{i}" for i in range(tasks)], **options)


class Reference:
    """A method written out: what it does to the shared gradient, to the heads', and what it remembers."""

    def step(self, losses: Array, gradients: Array, observed: Array) -> tuple[Array, Array]:
        """Return the shared gradient `[P]` and the heads' factors `[T]`; what was drawn fits `observed`."""
        raise NotImplementedError

    def after(self, before: Array, after: Array) -> None:
        """The losses of the same batch before and after the update."""

    def epoch(self, losses: Array) -> None:
        """The mean losses of an epoch."""


class Tasks:
    """The tasks' losses and gradients at a shared point `[P]` and own numbers `[T]`, by NumPy."""

    def __init__(self, count: int) -> None:
        source = np.random.default_rng(3)
        self.forms = source.normal(size=(count, 4, SIZE)) * np.array([1.0, 0.5, 0.8])[:count, None, None]
        self.places = source.normal(size=(3, SIZE)) * 2
        self.places[1] -= 2 * self.places[0]
        self.places = self.places[:count]
        self.start, self.own = source.normal(size=SIZE) * 0.1, np.full(count, 0.5)
        self.count = count

    def shifts(self, step: int, parts: int) -> Array:
        """Return by how much the batch, or each part of it, moves what the tasks want, `[parts, P]`."""
        return np.random.default_rng(step).normal(size=(parts, SIZE)) * 0.2

    def losses(self, point: Array, own: Array, shift: Array) -> Array:
        misses = np.einsum("tij,tj->ti", self.forms, point + shift - self.places)
        return 0.05 + 0.5 * (misses**2).sum(1) + 0.5 * (own * point[: self.count] - 1) ** 2

    def gradients(self, point: Array, own: Array, shift: Array) -> tuple[Array, Array]:
        """Return those of the shared point `[T, P]` and of the own numbers `[T]`."""
        misses = np.einsum("tij,tj->ti", self.forms, point + shift - self.places)
        shared = np.einsum("tij,ti->tj", self.forms, misses)
        error = own * point[: self.count] - 1
        shared[range(self.count), range(self.count)] += error * own
        return shared, error * point[: self.count]


class Toy(nn.Module):
    """The same problem as a model."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()
        self.tasks = tasks
        self.sharing = nn.Module()
        self.sharing.point = nn.Parameter(torch.from_numpy(tasks.start.copy()))
        self.sharing.shared_parameters = lambda: [self.sharing.point]  # type: ignore[assignment]
        self.sharing.trained_together = self.sharing.shared_parameters
        self.own = nn.ParameterList(nn.Parameter(torch.tensor(float(value)).double()) for value in tasks.own)

    def losses(self, shift: Array) -> Tensor:
        point, tasks = self.sharing.point, self.tasks
        found = []
        for index, own in enumerate(self.own):
            wanted = torch.from_numpy(tasks.places[index] - shift)
            miss = torch.from_numpy(tasks.forms[index]) @ (point - wanted)
            found.append(0.05 + 0.5 * miss.square().sum() + 0.5 * (own * point[index] - 1) ** 2)
        return torch.stack(found)


def descend(*modules: nn.Module) -> None:
    """Take a plain gradient step, and forget the gradients."""
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                if parameter.grad is not None:
                    parameter -= RATE * parameter.grad
                    parameter.grad = None


def follow(
    name: str, count: int, reference: Reference, tolerance: float = 1e-9, **options: Any
) -> tuple[Array, Array]:
    """Train by the balancer and by the reference; hold every step's gradients and places to be the same.

    Return the losses before and after.
    """
    tasks = Tasks(count)
    balancer = make(name, count, **options).double()
    toy = Toy(tasks)
    balancing = Balancing(balancer, toy, torch.device("cpu"))  # type: ignore[arg-type]
    point, own = tasks.start.copy(), tasks.own.copy()
    first, epoch = tasks.losses(point, own, np.zeros(SIZE)), []
    for step in range(STEPS):
        shifts = tasks.shifts(step, balancer.parts)
        losses = torch.stack([toy.losses(shift) for shift in shifts])
        torch.manual_seed(step)
        balancing.backward(losses if balancer.parts > 1 else losses[0])
        observed = toy.sharing.point.grad.numpy().copy()
        heads = np.array([float(value.grad) for value in toy.own])
        descend(toy, balancer)
        mean = losses.detach().mean(dim=0)
        balancer.post_step(mean)
        balancer.post_update(mean, torch.stack([toy.losses(shift) for shift in shifts]).detach().mean(dim=0))

        before = np.stack([tasks.losses(point, own, shift) for shift in shifts])
        found = [tasks.gradients(point, own, shift) for shift in shifts]
        shared, of_heads = np.stack([one for one, _ in found]), np.mean([other for _, other in found], axis=0)
        torch.manual_seed(step)
        several = balancer.parts > 1
        direction, factors = reference.step(before.mean(0), shared if several else shared[0], observed)
        np.testing.assert_allclose(
            observed, direction, rtol=tolerance, atol=tolerance, err_msg=f"step {step}"
        )
        np.testing.assert_allclose(heads, factors * of_heads, rtol=tolerance, atol=tolerance)
        point, own = point - RATE * direction, own - RATE * factors * of_heads
        after = np.stack([tasks.losses(point, own, shift) for shift in shifts])
        reference.after(before.mean(0), after.mean(0))
        epoch.append(before.mean(0))
        if len(epoch) == STEPS_PER_EPOCH:
            reference.epoch(np.mean(epoch, axis=0))
            balancer.post_epoch(torch.from_numpy(np.mean(epoch, axis=0)))
            epoch = []
    np.testing.assert_allclose(toy.sharing.point.detach().numpy(), point, rtol=tolerance, atol=tolerance)
    return first, tasks.losses(point, own, np.zeros(SIZE))


def softmax(values: Array) -> Array:
    powers = np.exp(values - values.max())
    found: Array = powers / powers.sum()
    return found


def on_simplex(values: Array) -> Array:
    """Return the nearest point whose entries are not negative and sum to 1, by bisection of the shift."""
    low, high = values.min() - 1, values.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(values - middle, 0).sum() > 1 else (low, middle)
    found: Array = np.maximum(values - high, 0)
    return found
