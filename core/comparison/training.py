"""Trains one cell in its folder: from the start, or after its last checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import MtlError, RecipeError, UsageError
from ..pipeline import Pipeline
from ..recipe import Recipe
from ..recipe_reader import read
from ..recipe_source import read_recipe
from ..registry import Registry
from ..run_folder import RunFolder
from .cells import recipe_key


def train(pipeline: Pipeline, recipe: Recipe, path: Path) -> None:
    """Leave a complete run of `recipe` at `path`.

    What an interruption left there is continued where it has an intact checkpoint of this very recipe, and
    trained again otherwise.
    """
    folder = RunFolder(path)
    if _can_go_on(folder, recipe, pipeline.registry):
        pipeline.resume(folder, recipe)
        return
    if path.exists():
        shutil.rmtree(path)
    pipeline.run(recipe, path)


def _can_go_on(folder: RunFolder, recipe: Recipe, registry: Registry) -> bool:
    if not (folder.path / "recipe.yaml").is_file():
        return False
    try:
        there = read(read_recipe(folder.path / "recipe.yaml"), registry)
        checkpoint = folder.checkpoints.latest()
        for task in (None, *(choice.name for choice in there.tasks if there.train.select == "per-task")):
            folder.checkpoints.best(task)
        folder.read_json("environment.json")
    except (UsageError, RecipeError):
        return False
    # An epoch of the history that is gone cannot be made up.
    epochs = {row["epoch"] for row in folder.read_history()}
    complete = epochs >= set(range(1, checkpoint.epoch + 1))
    return complete and recipe_key(there) == recipe_key(recipe)


def reason_of(error: Exception) -> tuple[str, int]:
    """Return why a training failed, in one line, and the exit status that goes with it."""
    if isinstance(error, MtlError):
        hint = f" ({error.hint})" if error.hint else ""
        return " ".join(f"{error.message}{hint}".split()), error.status
    return " ".join(f"internal: {type(error).__name__}: {error}".split()), 1
