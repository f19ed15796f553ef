"""How far the tasks' gradients agree is measured on what the steps train."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.trainer import Trainer


def conflict(registry: Registry, **tree: Any) -> float:
    recipe = {
        "tasks": ["denoise", "classify"],
        "encoder": "lenet",
        "train": {"epochs": 1, "validation": 0.95, "batch_size": 32},
        **tree,
    }
    composition = compose(read(RecipeSource(recipe), registry), registry)
    splits = load_splits(composition.dataset, validation=0.95, split_seed=0)
    (result,) = Trainer(composition, splits, torch.device("cpu")).epochs()
    return float(result.row["cosine/denoise/classify"])


def test_test_time_augmentation_leaves_it_alone(registry: Registry) -> None:
    plain = conflict(registry)
    assert conflict(registry, test_time_augmentation="square") == pytest.approx(plain, abs=1e-6)
