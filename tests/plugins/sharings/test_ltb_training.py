"""Learning to branch, trained: it branches, keeps the tree that it trained last, and resumes exactly."""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, channel_statistics, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.checkpoint import Checkpoint
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


def build(
    registry: Registry, seed: int = 0, encoder: Any = "mlp", **train: Any
) -> tuple[Composition, Splits]:
    tree = {
        "dataset": "digits",
        "tasks": ["even", "third"],
        "encoder": encoder,
        "sharing": "ltb",
        "seed": seed,
        "train": train,
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    validation = composition.recipe.train.validation
    splits = load_splits(composition.dataset, validation=validation, split_seed=0)
    composition.model.normalization.set(*channel_statistics(splits.train))
    return composition, splits


def likeliest(composition: Composition) -> list[float]:
    """Return the largest probability of every choice."""
    sharing: Any = composition.model.sharing
    choices = [*sharing.branches, *sharing.leaves]
    with torch.no_grad():
        largest = [sharing._probabilities(logits).amax(-1).flatten() for logits in choices]
    return torch.cat(largest).tolist()


def test_it_resumes_exactly(registry: Registry) -> None:
    """The temperature, and which epochs mix and settle, follow from the epoch that it goes on with."""
    settings = {"epochs": 4, "validation": 0.95, "batch_size": 16}
    small = {"name": "mlp", "hidden": [8, 4]}
    straight, splits = build(registry, encoder=small, **settings)
    results = Trainer(straight, splits, CPU).epochs()
    next(results)
    saved = copy.deepcopy(next(results).checkpoint)
    rows = [result.row for result in results]
    resumed, _ = build(registry, encoder=small, **settings)
    later = Trainer(resumed, splits, CPU)
    later.restore(Checkpoint(saved.epoch, saved.tensors, saved.state))
    for one, other in zip(rows, later.epochs(), strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {
            k: v for k, v in other.row.items() if k != "seconds"
        }
    assert straight.model.state_dict().keys() == resumed.model.state_dict().keys()
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_probabilities_leave_one_half(registry: Registry) -> None:
    small = {"name": "mlp", "hidden": [16, 8]}
    composition, splits = build(registry, encoder=small, epochs=5, batch_size=32, validation=0.5)
    for _ in Trainer(composition, splits, CPU).epochs():
        pass
    assert sum(likeliest(composition)) / len(likeliest(composition)) > 0.57


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_tree_that_is_kept_is_no_coin_toss(registry: Registry, seed: int) -> None:
    """With the trained weights, it is more accurate on both tasks than the other trees are on average."""
    composition, splits = build(registry, seed=seed, epochs=20)
    for _ in Trainer(composition, splits, CPU).epochs():
        pass
    assert sum(likeliest(composition)) / len(likeliest(composition)) > 0.7
    sharing: Any = composition.model.sharing

    def accuracy() -> float:
        metrics = evaluate(composition, splits.test, "test").metrics
        return sum(metrics[task]["accuracy"] for task in ("even", "third")) / 2

    kept, path, others = accuracy(), sharing.paths(), {}
    for first, second, even, third in product((0, 1), repeat=4):
        with torch.no_grad():
            rows = [*sharing.branches[0], *sharing.leaves]
            for logits, parent in zip(rows, (first, second, even, third), strict=True):
                logits.copy_(torch.eye(2)[parent])
        if sharing.paths() != path:
            others[str(sharing.paths())] = accuracy()
    assert kept > 0.97
    assert kept > sum(others.values()) / len(others) + 0.005
