"""Why steps are taken one by one is told once, in whatever epoch it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtl.core.base.progress import Progress
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.training.trainer import Trainer


class Told(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("first", [1, 2])
def test_a_reason_is_told_once_when_it_shows(
    first: int, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = property(
        lambda trainer: "a step waits for the device at plugin.py:7" if trainer._epoch >= first else None
    )
    monkeypatch.setattr(Trainer, "eager_reason", reason)
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": ["shape-class"],
        "train": {"epochs": 3},
    }
    told = Told()
    Pipeline(registry, torch.device("cpu"), told, publishes=False).run(
        read(RecipeSource(tree), registry), tmp_path / "run"
    )
    assert told.warnings == [
        "steps run one by one, not as a graph: a step waits for the device at plugin.py:7"
    ]
