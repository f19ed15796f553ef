"""Whatever a `train` section says about updates trains a small model, and resumes bit for bit.

Optimizer, schedule, groups, warm-up, clipping, averaging and accumulation are drawn at random; the export,
which they do not touch, is walked in `test_random_compositions.py`.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.loading import load_of
from mtl.core.training.trainer import Trainer

from .drawing import Draw

SEEDS = range(20)
EPOCHS = 2
EXPECTED = ("frozen", "claims only", "needs a momentum", "say it in one place")
"""Words of refusals that draws earn: nothing left to train, a group behind another, a thing said twice."""

CPU = torch.device("cpu")


def drawn(registry: Registry, seed: int) -> dict[str, Any]:
    """Return a small recipe whose updates are drawn."""
    train = Draw(registry, {}, seed).updates(EPOCHS)
    return {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": ["shape-class", "shape-count"],
        "balancer": ("sum", "uncertainty", "mgda")[seed % 3],
        "train": {"epochs": EPOCHS, "batch_size": 8, **train},
    }


def composed(registry: Registry, tree: dict[str, Any]) -> Composition:
    return compose(read(RecipeSource(tree), registry), registry)


def refused(registry: Registry, tree: dict[str, Any]) -> str:
    """Return why a recipe is refused, empty when it is not."""
    try:
        composed(registry, tree)
    except RecipeError as refusal:
        return str(refusal)
    return ""


def weights_of(composition: Composition) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in composition.model.state_dict().items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_an_update_trains_and_resumes(registry: Registry, seed: int) -> None:
    tree = drawn(registry, seed)
    if refusal := refused(registry, tree):
        assert any(word in refusal for word in EXPECTED), (refusal, tree)
        return
    straight = composed(registry, tree)
    splits = load_of(straight)
    epochs = Trainer(straight, splits, CPU).epochs()
    first = next(epochs).checkpoint
    checkpoint = type(first)(
        first.epoch, {name: value.clone() for name, value in first.tensors.items()}, first.state
    )
    (row,) = [result.row for result in epochs]
    assert all(isfinite(value) for value in row.values()), tree
    resumed = composed(registry, tree)
    later = Trainer(resumed, splits, CPU)
    later.restore(checkpoint)
    (again,) = [result.row for result in later.epochs()]
    assert {**again, "seconds": 0} == {**row, "seconds": 0}, tree
    for name, value in weights_of(straight).items():
        assert torch.equal(value, weights_of(resumed)[name]), (name, tree)


def test_most_updates_are_trained(registry: Registry) -> None:
    assert sum(not refused(registry, drawn(registry, seed)) for seed in SEEDS) >= 12
