"""Trains one cell in its folder: from the start, or after its last checkpoint."""

from __future__ import annotations

from pathlib import Path

from ..base.errors import MtlError, RecipeError, UsageError
from ..base.workplace import enter
from ..discovery.registry import Registry
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import read_recipe
from ..running.pipeline import Pipeline
from ..running.recomposing import compose_again
from .address import recipe_key


def train(pipeline: Pipeline, recipe: Recipe, path: Path) -> None:
    """Leave a complete run of `recipe` at `path`.

    What an interruption left there is continued where it has an intact checkpoint of this very recipe, and
    trained again otherwise.
    """
    folder = RunFolder(path)
    if can_go_on(folder, recipe, pipeline.registry):
        pipeline.resume(folder, recipe)
        return
    if path.exists():
        with enter(path, pipeline.progress.warning) as workplace:
            workplace.abandon()
    pipeline.run(recipe, path)


def can_go_on(folder: RunFolder, recipe: Recipe, registry: Registry) -> bool:
    """Return whether a folder has an intact checkpoint of this very recipe, with all that came before it."""
    if not (folder.path / "recipe.yaml").is_file():
        return False
    try:
        there = read(read_recipe(folder.path / "recipe.yaml"), registry)
        checkpoint = folder.checkpoints.latest()
        for task in (None, *(choice.name for choice in there.tasks if there.train.select == "per-task")):
            folder.checkpoints.best(task)
        compose_again(folder, recipe, registry, checkpoint.state)
        folder.history_of(checkpoint, _refuse)
    except (UsageError, RecipeError):
        return False
    return recipe_key(there) == recipe_key(recipe)


def _refuse(text: str) -> None:
    """Times of epochs that are gone cannot be made up, and cells are compared by them."""
    raise UsageError(text)


def reason_of(error: Exception) -> tuple[str, int]:
    """Return why a training failed, in one line, and the exit status that goes with it."""
    if isinstance(error, MtlError):
        hint = f" ({error.hint})" if error.hint else ""
        return " ".join(f"{error.message}{hint}".split()), error.status
    return " ".join(f"internal: {type(error).__name__}: {error}".split()), 1
