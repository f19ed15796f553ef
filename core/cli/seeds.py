"""`mtl compose --seeds N --executor NAME`: each seed is a training of its own, done by whoever is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import UsageError
from .session import Session

if TYPE_CHECKING:
    from ..recipe.recipe import Recipe
    from ..recipe.recipe_source import RecipeSource


def refuse_alone(
    executor: str | None, jobs: int | None, devices: int | None, *, seeds: str | None, force: bool
) -> None:
    """Raise `UsageError` for options of many trainings where there is one, or nobody is named to do them."""
    if executor is not None and seeds is None:
        raise UsageError("--executor has several models trained", hint="say which: --seeds 5")
    if executor is not None and force:
        hint = "choose another folder with --out, or remove it"
        raise UsageError("--force replaces a folder that others may be at work in", hint=hint)
    if executor is not None and devices is not None:
        hint = "--jobs N has N of them trained at a time, each on a device of its own"
        raise UsageError(
            "--devices trains one model on several devices, --executor several models", hint=hint
        )
    if executor is None and jobs is not None:
        raise UsageError("--jobs says how many an executor trains at a time", hint="add --executor local")


def train_seeds(
    session: Session,
    asked: tuple[str, str, int | None],
    written: tuple[Recipe, RecipeSource],
    seeds: Sequence[int],
    place: tuple[Path, bool],
    as_json: bool,
) -> None:
    """Have seeds trained by the executor, on the device and so many at a time as `asked`.

    `place` is the folder, and whether a number is put behind its name.
    """
    with session.importing():
        from ..execution.choosing import Hands
        from ..execution.seeds import SeedsByExecutor
        from .progress import choose_progress, finish_seeds

    progress = choose_progress()
    hands = Hands.chosen(session.registry, *asked)
    trainings = SeedsByExecutor(session.registry, hands, progress, tuple(session.plugin_files))
    (recipe, source), (path, numbered) = written, place
    finish_seeds(
        progress, as_json, lambda: trainings.run(recipe, path, seeds, source=source, numbered=numbered)
    )
