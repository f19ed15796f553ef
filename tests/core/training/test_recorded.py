"""What was trained before optimizers and schedules were components is trained to the same weights.

`recorded.json` was written by the program as it was on 2026-11-28; on the machine that wrote it the weights
are the same to the bit, elsewhere to what arithmetic allows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.loading import load_of
from mtl.core.training.trainer import Trainer

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_the_weights_are_those_of_before(name: str, registry: Registry) -> None:
    recorded: dict[str, Any] = RECORDED[name]
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": {"shape-class": None, "shape-count": None},
        "balancer": recorded["balancer"],
        "train": {"epochs": 3, "batch_size": 8, **recorded["train"]},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    assert composition.recipe.hash() == recorded["hash"]
    rows = [result.row for result in Trainer(composition, load_of(composition), torch.device("cpu")).epochs()]
    assert [row["learning_rate"] for row in rows] == recorded["rates"]
    parameters = [*composition.model.parameters(), *composition.balancer.parameters()]
    weights = torch.cat([parameter.detach().flatten() for parameter in parameters])
    every = weights[:: len(weights) // 12].tolist()[:12]
    assert every == pytest.approx(recorded["every"], rel=1e-5, abs=1e-7)
    assert weights.double().norm().item() == pytest.approx(recorded["norm"], rel=1e-7)
