"""What an encoder's weights were trained on is put where a recipe leaves it open, and is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.composition.composer import compose
from mtl.core.composition.wanted import wanted_preparation
from mtl.core.contracts import Preparation, WantedPreparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.recipe.building import Builder
from mtl.core.recipe.recipe import Choice
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.encoders.mlp import MLP

WANTED = WantedPreparation(
    "the weights of tests",
    size=(12, 10),
    channels=3,
    resize="crop",
    interpolation="bicubic",
    share=0.5,
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
)


@pytest.fixture
def wishful(monkeypatch):
    """Make the encoder `mlp` one with weights."""

    def preparation(cls: type, options: Mapping[str, Any], ask: Any) -> WantedPreparation:
        assert options["hidden"]
        return WANTED

    monkeypatch.setattr(MLP, "preparation", classmethod(preparation))


@pytest.fixture
def build(registry, tmp_path):
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{'ab'[number % 2]}" for number in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["photo,kind", *rows]) + "\n")

    def build(encoder: Any = None, dataset: Mapping[str, Any] | None = None, **tree: Any) -> Any:
        table = {"name": "table", "file": str(tmp_path / "t.csv"), **(dataset or {})}
        chosen = encoder or {"name": "mlp", "hidden": [4]}
        source = RecipeSource({"encoder": chosen, "dataset": table, **tree})
        return compose(read(source, registry), registry, source)

    return build


def test_a_recipe_without_wishes_is_as_it_was(build):
    composition = build()
    assert composition.recipe.normalization == "train"
    assert composition.dataset.preparation() == Preparation(ImageSpec(1, 16, 16), "stretch")
    assert composition.wanted == ()


def test_what_is_left_open_is_filled_in_and_told(build, wishful):
    composition = build()
    stated = Preparation(ImageSpec(3, 12, 10), "crop", "bicubic", share=0.5)
    assert composition.dataset.preparation() == stated
    assert composition.dataset_spec.image == stated.image
    assert composition.recipe.normalization == {"mean": WANTED.mean, "std": WANTED.std}
    assert composition.understood()[-1] == (
        "as the weights of tests was trained, pictures have resize crop, interpolation bicubic, share 0.5, "
        "size 12 x 10, channels 3, mean and deviation"
    )


def test_what_is_filled_in_stands_in_the_recipe_and_composes_to_itself(build, wishful):
    plain = build().recipe.to_plain()
    assert plain["dataset"]["size"] == [12, 10]
    assert plain["dataset"]["preparation"] == {"resize": "crop", "interpolation": "bicubic", "share": 0.5}
    again = build(**plain)
    assert again.recipe.to_plain() == plain
    assert again.wanted == ()


def test_the_own_words_of_a_recipe_win(build, wishful):
    own = {"size": 8, "channels": 1, "preparation": {"resize": "pad", "interpolation": "nearest", "fill": 3}}
    composition = build(dataset=own, normalization="train")
    assert composition.dataset.preparation() == Preparation(ImageSpec(1, 8, 8), "pad", "nearest", fill=3)
    assert composition.recipe.normalization == "train"
    assert composition.understood()[-1] == (
        "the weights of tests was trained on pictures of 12 x 10 pixels; these have 8 x 8"
    )


def test_data_that_are_no_files_keep_their_size_which_is_told(registry, wishful):
    source = RecipeSource(
        {"encoder": "mlp", "dataset": {"name": "shapes-synthetic", "train_size": 40}, "tasks": ["regress"]}
    )
    composition = compose(read(source, registry), registry, source)
    size: Sequence[int] = composition.dataset_spec.image.shape[1:]
    assert tuple(size) != WANTED.size
    assert "was trained on pictures of 12 x 10 pixels; these have" in composition.understood()[-1]


def test_a_joined_encoder_wants_what_its_image_encoder_wants(registry, wishful):
    options = {"image_encoder": {"name": "mlp", "hidden": [4]}, "vector_encoder": "mlp", "hidden": [4]}
    builder = Builder(registry, RecipeSource())
    assert wanted_preparation(builder, Choice("late-fusion", options)) == WANTED
