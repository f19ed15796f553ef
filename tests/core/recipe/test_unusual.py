"""What of a recipe differs from its defaults is told, and nothing else."""

from __future__ import annotations

from typing import Any

from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.recipe.unusual import unusual


def told(registry: Registry, **sections: Any) -> dict[str, Any]:
    return unusual(read(RecipeSource({"tasks": ["classify"], **sections}), registry), registry)


def test_a_recipe_of_defaults_tells_nothing(registry: Registry) -> None:
    assert told(registry) == {}
    assert told(registry, encoder="mlp", train={"clip": None}) == {}


def test_every_section_tells_what_it_has_of_its_own(registry: Registry) -> None:
    found = told(
        registry,
        seed=3,
        encoder={"name": "mlp", "hidden": [8]},
        sharing="cross-stitch",
        augmentations=["flip"],
        tasks={"classify": {"weight": 0.5, "loss": {"name": "cross-entropy", "label_smoothing": 0.1}}},
        train={"epochs": 3},
    )
    assert found.pop("augmentations")[0]["name"] == "flip"
    assert found == {
        "seed": 3,
        "encoder.hidden": [8],
        "sharing": "cross-stitch",
        "train.epochs": 3,
        "tasks.classify.weight": 0.5,
        "tasks.classify.loss.label_smoothing": 0.1,
    }
