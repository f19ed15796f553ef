"""`mtl resume`: continue an interrupted run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asked import devices_option, loudness_options
from .completion import runs
from .results import tell_extension, tell_pruning
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..folders.run_folder import RunFolder
    from ..recipe.recipe import Recipe
    from ..running.made_from import MadeFrom
    from ..running.pipeline import Outcome, Pipeline


_TELLS = {"extension": tell_extension, "pruning": tell_pruning}


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.option("--epochs", type=click.IntRange(min=1), help="Train a run for so many epochs in all.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@devices_option
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@loudness_options
@pass_session
def command(
    session: Session, run: Path, epochs: int | None, device: str, devices: int | None, as_json: bool
) -> None:
    """Continue an interrupted run after its last checkpoint, as if it had never stopped.

    With --epochs a run gets more epochs than it was begun with, finished or not.

    \b
    Examples:
      mtl resume runs/demo
      mtl resume runs/demo --epochs 3
      mtl resume runs/demo --json
    """
    with session.importing():
        from ..base.workplace import restore
        from ..folders.kept_plugins import read_recipe_of
        from ..folders.run_folder import RunFolder
        from ..recipe.seed_list import SEEDS
        from ..running.following import Follower
        from ..running.longer import refuse_one_of_several
        from ..running.pipeline import Pipeline
        from ..running.seeds import SeedsPipeline
        from .devices import started_here
    from .progress import choose_progress, finish_run, finish_seeds

    progress = choose_progress()

    def read(file: Path) -> Recipe:
        return read_recipe_of(file.parent, session.registry, progress.warning)

    ranks, place = started_here(device, devices, session.arguments, several=(run / SEEDS).is_file())
    if not ranks.leads:
        Follower(Pipeline(session.registry, place, ranks=ranks)).resume(lambda: _opened(run, read))
        return
    restore(run)
    pipeline = Pipeline(session.registry, place, progress, ranks=ranks)
    if (run / SEEDS).is_file():
        if epochs is not None:
            refuse_one_of_several(RunFolder(run))
        finish_seeds(progress, as_json, lambda: SeedsPipeline(pipeline).resume(run, read))
        return
    found: dict[str, Any] = {}
    name, job = _job(pipeline, *_opened(run, read), epochs, found)
    finish_run(progress, as_json, job, found, name)
    if found and not as_json:
        _TELLS[name](found)


def _made_from(folder: RunFolder, recipe: Recipe, pipeline: Pipeline) -> MadeFrom | None:
    """Return how a run stands to the one that it extends, or was pruned from; None where it does neither."""
    from ..running.extension import old_tasks_of
    from ..running.pruning import pruned_from

    looked_for = (
        it(folder, recipe, pipeline.registry, pipeline.progress) for it in (old_tasks_of, pruned_from)
    )
    return next((made for made in looked_for if made is not None), None)


def _opened(run: Path, read: Callable[[Path], Recipe]) -> tuple[RunFolder, Recipe]:
    from ..folders.run_folder import open_run
    from ..recipe.several_runs import refuse_whole

    refuse_whole(run)
    folder = open_run(run)
    return folder, read(folder.path / "recipe.yaml")


def _job(
    pipeline: Pipeline, folder: RunFolder, recipe: Recipe, epochs: int | None, found: dict[str, Any]
) -> tuple[str, Callable[[], Outcome]]:
    """Return the rest of a training, and the name of what it finds on what it was made from, in `found`."""
    made = _made_from(folder, recipe, pipeline)

    def job() -> Outcome:
        outcome = pipeline.resume(folder, recipe, epochs)
        if made is not None:
            found.update(made.judge(outcome, pipeline.progress.warning))
        return outcome

    return made.name if made else "", job
