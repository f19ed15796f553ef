"""Dead features and ranks are counted from what the stages really hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.report.activations import StageActivity, activity
from mtl.plugins.forms import Categorical

Make = Callable[..., Any]


def test_dead_features_and_rank_of_vectors() -> None:
    one = StageActivity()
    random = torch.Generator().manual_seed(0)
    base = torch.randn(100, 2, generator=random)
    features = torch.cat([base, base @ torch.ones(2, 1), torch.full((100, 1), 3.0)], dim=1)
    for part in features.split(32):
        one.add(part)
    assert one.dead() == 1
    rank, effective = one.ranks()
    assert rank == 2
    assert 1.0 < effective <= 2.0


def test_features_of_equal_strength_have_their_number_as_effective_rank() -> None:
    one = StageActivity()
    one.add(torch.cat([torch.eye(4), -torch.eye(4)]))
    assert one.ranks() == (4, pytest.approx(4.0))


def test_a_channel_that_moves_anywhere_in_a_map_is_alive() -> None:
    one = StageActivity()
    maps = torch.zeros(8, 2, 4, 4)
    maps[3, 0, 2, 1] = 5.0
    one.add(maps)
    assert one.dead() == 1


def test_nothing_at_all_has_rank_zero() -> None:
    one = StageActivity()
    one.add(torch.zeros(5, 3))
    assert (one.dead(), one.ranks()) == (3, (0, 0.0))


def test_tasks_that_see_the_same_features_share_a_table_and_the_mode_is_kept(make: Make, wanted: Any) -> None:
    made = make({name: wanted(Categorical(("a", "b"))) for name in ("one", "two")})
    made.composition.model.train()
    found = activity(made.composition, made.splits.test)
    assert list(found.stages) == [("one", "two")]
    assert made.composition.model.training
    assert found.narrow == {}


def test_more_samples_than_features_are_looked_at(registry: Registry) -> None:
    tree = {"tasks": ["classify"], "encoder": {"name": "mlp", "hidden": [150]}}
    composition = compose(read(RecipeSource(tree), registry), registry)
    test = load_splits(composition.dataset, validation=0.1, split_seed=0).test
    assert activity(composition, test).samples == 300
    wide = compose(
        read(RecipeSource({**tree, "encoder": {"name": "mlp", "hidden": [500]}}), registry), registry
    )
    assert activity(wide, test).samples == len(test)


def test_a_narrow_layer_has_a_point_per_sample_whatever_the_model_averages_over(registry: Registry) -> None:
    found = []
    for choice in ("none", "square"):
        tree = {"tasks": {"autoencode": {"latent": 2}}, "encoder": "mlp", "test_time_augmentation": choice}
        composition = compose(read(RecipeSource(tree), registry), registry)
        test = load_splits(composition.dataset, validation=0.1, split_seed=0).test
        found.append(activity(composition, test))
    plain, averaged = found
    assert torch.equal(plain.narrow["autoencode"], averaged.narrow["autoencode"])
    assert len(averaged.narrow["autoencode"]) == averaged.samples


def test_the_page_has_a_table_of_stages(make: Make) -> None:
    assert "Features seen by" in make().page()
