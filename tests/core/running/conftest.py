"""Small trainings, run in this process without an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.progress import Progress
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Outcome, Pipeline

DATA = {"name": "shapes-synthetic", "train_size": 40, "test_size": 16}
ENCODER = {"name": "small-resnet", "widths": [2, 2], "depth": 1}

Train = Callable[..., Outcome]


class Notes(Progress):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def recipe_of(registry: Registry, **tree: Any) -> Recipe:
    """Return a small recipe with other values over it."""
    train = {"epochs": 1, "batch_size": 20, **tree.pop("train", {})}
    values = {"dataset": DATA, "tasks": ["shape-count"], "encoder": ENCODER, "train": train, **tree}
    return read(RecipeSource(values), registry)


def pipeline_of(registry: Registry, notes: Progress | None = None) -> Pipeline:
    """Return a pipeline that trains and judges, and exports nothing."""
    return Pipeline(registry, torch.device("cpu"), notes or Progress(), publishes=False)


@pytest.fixture(scope="module")
def counted(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `shape-count`, not to be changed."""
    path = tmp_path_factory.mktemp("counted") / "run"
    pipeline_of(registry).run(recipe_of(registry), path)
    return path
