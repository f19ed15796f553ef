"""Every sharing scheme with every one of five balancers: trained, exported, and proven to compute the same.

By default every scheme has one of the balancers, in turn; all pairs with `-m slow`. A balancer that needs
shared parameters is refused, with the reason, where nothing is shared.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import export
from mtl.core.training.trainer import Trainer

REGISTRY = discover()


def names(kind: str) -> list[str]:
    """The built-in components of a kind."""
    entries = REGISTRY.entries(kind)
    return [entry.component.name for entry in entries if entry.provider.distribution == HOME]


BALANCERS = [name for name in ("sum", "uncertainty", "dwa", "pcgrad", "upgrad") if name in names("balancer")]
"""One without weights, one that learns them, one that follows the losses, two that look at gradients."""

SHARES_NOTHING = ("none",)


def pairs() -> list[Any]:
    """Every sharing with every balancer; those beyond one balancer per sharing are marked as slow."""
    found = []
    for (index, sharing), (turn, balancer) in product(enumerate(names("sharing")), enumerate(BALANCERS)):
        marks = () if turn == index % len(BALANCERS) else pytest.mark.slow
        found.append(pytest.param(sharing, balancer, marks=marks, id=f"{sharing}-{balancer}"))
    return found


def composed(sharing: str, balancer: str) -> Composition:
    tree = {
        "encoder": {"name": "mlp", "hidden": [12, 8]},
        "sharing": sharing,
        "balancer": balancer,
        "tasks": ["classify", "parity"],
        "train": {"epochs": 1, "batch_size": 64, "validation": 0.8},
    }
    return compose(read(RecipeSource(tree), REGISTRY), REGISTRY)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_splits(composed("hard", "sum").dataset, validation=0.8, split_seed=0)


@pytest.mark.parametrize(("sharing", "balancer"), pairs())
def test_it_trains_exports_and_verifies(sharing: str, balancer: str, splits: Splits, tmp_path: Path) -> None:
    needs_gradients = REGISTRY.find("balancer", balancer).load().needs_gradients
    if sharing in SHARES_NOTHING and needs_gradients:
        with pytest.raises(RecipeError, match="needs shared parameters"):
            composed(sharing, balancer)
        return
    composition = composed(sharing, balancer)
    before = {name: value.clone() for name, value in composition.model.named_parameters()}
    (result,) = Trainer(composition, splits, torch.device("cpu")).epochs()
    after = dict(composition.model.named_parameters())
    assert all(bool(value.isfinite().all()) for value in after.values())
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    metrics = {"test": {task: {"loss": result.row[f"validation/{task}/loss"]} for task in composition.tasks}}
    report = export(composition, splits.validation, metrics, tmp_path / "model.onnx")
    assert report.verification["passed"] is True
