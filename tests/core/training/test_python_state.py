"""Whatever a component keeps in Python is noticed when it changes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.python_state import python_state


@dataclass
class Schedule:
    level: float = 0.0


class Slotted:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Noise:
    """A task or an augmentation with state of every sort."""

    def __init__(self) -> None:
        self.count = 0
        self.seen = deque([1, 2])
        self.levels = np.zeros(3)
        self.names = {"a"}
        self.inner = {"schedule": [Schedule()]}
        self.slotted = Slotted()
        self.python = random.Random(0)
        self.numpy = np.random.default_rng(0)
        self.old = np.random.RandomState(0)
        self.torch = torch.Generator().manual_seed(0)
        self.tensor = torch.zeros(2)
        self.itself = self


def _slotted(noise: Noise) -> None:
    noise.slotted.count += 1


def _counted(noise: Noise) -> None:
    noise.count += 1


CHANGES: dict[str, Callable[[Noise], Any]] = {
    "a number": _counted,
    "a deque": lambda noise: noise.seen.append(3),
    "an array, in place": lambda noise: noise.levels.__setitem__(0, 1.0),
    "a set": lambda noise: noise.names.add("b"),
    "an object in a list in a mapping": lambda noise: setattr(noise.inner["schedule"][0], "level", 0.5),
    "an object with slots": _slotted,
    "Python's random numbers": lambda noise: noise.python.random(),
    "NumPy's random numbers": lambda noise: noise.numpy.random(),
    "NumPy's old random numbers": lambda noise: noise.old.rand(),
    "torch's random numbers": lambda noise: torch.rand(1, generator=noise.torch),
    "another tensor": lambda noise: setattr(noise, "tensor", torch.zeros(2)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(name: str) -> None:
    noise = Noise()
    before = python_state([noise])
    assert before == python_state([noise])
    CHANGES[name](noise)
    assert before != python_state([noise])


def test_what_a_tensor_holds_may_change() -> None:
    noise = Noise()
    before = python_state([noise])
    noise.tensor.add_(1.0)
    assert before == python_state([noise])


def test_a_module_inside_of_a_module_is_looked_at() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    before = python_state([model])
    model[1].register_buffer("kept", torch.zeros(1))
    assert before != python_state([model])


def test_built_in_tasks_and_augmentations_keep_nothing_that_changes(registry: Registry) -> None:
    tree = {"tasks": ["denoise", "rotation"], "encoder": "mlp", "augmentations": ["shift", "erase", "rotate"]}
    composition = compose(read(RecipeSource(tree), registry), registry)
    keepers = [*composition.augmentations, *(task.task for task in composition.tasks.values())]
    before = python_state(keepers)
    assert before == python_state(keepers)
    assert before
