"""Composes a run again, and only what it was trained as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..base.errors import RecipeError
from ..composition.composer import compose
from ..composition.composition import Composition
from ..discovery.registry import Registry
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe


def compose_again(
    folder: RunFolder, recipe: Recipe, registry: Registry, state: Mapping[str, Any]
) -> Composition:
    """Compose what a run's checkpoint of this state was trained as.

    Raises `UsageError` for another recipe, and for data of another form: other classes, columns or pictures.
    """
    try:
        composition = compose(recipe, registry, starts=False)
    except RecipeError:
        # What was changed in the file no longer fits: that says nothing of the file.
        folder.refuse_another(recipe, state)
        raise
    folder.refuse_another(composition.recipe, state)
    folder.refuse_other_data(composition.dataset_spec, state)
    return replace(composition, origins=folder.origins())
