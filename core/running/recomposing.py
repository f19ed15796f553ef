"""Composes a run again, and only what it was trained as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..base.errors import RecipeError
from ..composition.composer import compose
from ..composition.composition import Composition
from ..composition.narrowing import narrow
from ..discovery.registry import Registry
from ..folders.absent_data import reading_data_of
from ..folders.kept_plugins import read_recipe_of
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe


def compose_again(
    folder: RunFolder, recipe: Recipe, registry: Registry, state: Mapping[str, Any]
) -> Composition:
    """Compose what a run's checkpoint of this state was trained as.

    Raises `UsageError` for another recipe, and for data of another form: other classes, columns or pictures.
    """
    try:
        with reading_data_of(folder.path):
            composition = compose(recipe, registry, starts=False)
    except RecipeError:
        # What was changed in the file no longer fits: that says nothing of the file.
        folder.refuse_another(recipe, state)
        raise
    folder.refuse_another(composition.recipe, state)
    folder.refuse_other_data(composition.dataset_spec, state)
    if recipe.init_from is not None and recipe.init_from.prune is not None:
        narrow(composition.model, folder.checkpoints.best()[1])
    return replace(composition, origins=folder.origins())


def trained(folder: RunFolder, registry: Registry, warn: Callable[[str], None]) -> Composition:
    """Compose a run again, with its chosen weights.

    Raises as `compose_again` does, and `UsageError` when the weights are missing or damaged.
    """
    state = folder.checkpoints.state()
    if state is None:
        path = folder.path / "recipe.yaml"
        warn(f"no intact checkpoint says whether the run was trained with {path}")
    composition = compose_again(folder, read_recipe_of(folder.path, registry, warn), registry, state or {})
    _, weights = folder.checkpoints.best()
    with composition.at_work("while its weights were loaded"):
        composition.model.load_state_dict(weights)
    return composition
