"""What is told of a run whose data are not where its recipe says: the remedies that a run has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.errors import MtlError, RecipeError
from ..recipe.recipe_source import read_recipe


@contextmanager
def reading_data_of(run: Path) -> Iterator[None]:
    """Give an error about absent data a hint that holds for a run: it has no option for where they are."""
    try:
        yield
    except MtlError as error:
        recipe = run / "recipe.yaml"
        for key, place in _places(read_recipe(recipe).tree.get("dataset"), "dataset"):
            if str(place) in error.message and not place.exists():
                hint = f"put the data back there, or write into {recipe} where they are now: {key}"
                raise _hinting(error, str(place), hint) from error
        raise


def _hinting(error: MtlError, place: str, hint: str) -> MtlError:
    if isinstance(error, RecipeError):
        return RecipeError([replace(it, hint=hint) if place in it.message else it for it in error.problems])
    found = copy(error)
    found.hint = hint
    return found


def _places(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    """Yield the paths from the root in a part of a recipe, by their keys."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _places(item, f"{key}.{name}")
    elif isinstance(value, str) and Path(value).is_absolute():
        yield key, Path(value)
