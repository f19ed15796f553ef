"""What a scheme learned is read from the trained model over validation images, and kept with the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.learned import FILE, learned_tables, read_tables, write_learned
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource


@pytest.fixture(scope="module")
def splits(registry: Registry) -> Splits:
    return load_splits(composed(registry, "hard").dataset, validation=0.5, split_seed=0)


def composed(registry: Registry, sharing: str, **more: object) -> Composition:
    tree = {"tasks": {"denoise": {}, "classify": {}}, "encoder": "mlp", "sharing": sharing, **more}
    return compose(read(RecipeSource(tree), registry), registry)


def test_gates_are_averaged_over_the_first_validation_images_as_the_model_sees_them(
    registry: Registry, splits: Splits
) -> None:
    composition = composed(registry, "mmoe", views="per-task")
    composition.model.normalization.set([0.2], [0.5])
    (table,) = learned_tables(composition, splits.validation)
    # The first view of these tasks is the plain one, which adds no noise.
    image = composition.model.normalization(splits.validation.batch(torch.arange(500)).image)
    weights = composition.model.sharing.gate_weights(image, ("denoise", "classify"))
    for row, task in zip(table.values, table.rows, strict=True):
        assert row == pytest.approx(weights[task].mean(0).tolist(), abs=1e-5)


def test_the_model_is_left_in_its_mode(registry: Registry, splits: Splits) -> None:
    composition = composed(registry, "ltb")
    composition.model.train()
    assert learned_tables(composition, splits.validation)
    assert composition.model.training


def test_the_file_holds_the_tables(registry: Registry, splits: Splits, tmp_path: Path) -> None:
    composition = composed(registry, "cross-stitch")
    write_learned(tmp_path, composition, splits.validation)
    content = json.loads((tmp_path / FILE).read_text())
    assert content["sharing"] == "cross-stitch"
    assert content["images"] == 500
    assert read_tables(content) == learned_tables(composition, splits.validation)
    assert content["tables"][0]["values"] == [pytest.approx([0.9, 0.1]), pytest.approx([0.1, 0.9])]


def test_a_scheme_that_learned_nothing_leaves_no_file(
    registry: Registry, splits: Splits, tmp_path: Path
) -> None:
    write_learned(tmp_path, composed(registry, "hard"), splits.validation)
    assert list(tmp_path.iterdir()) == []
