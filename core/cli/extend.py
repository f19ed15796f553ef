"""`mtl extend`: more tasks for a trained model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asked import epochs_option, json_option, names_in, new_run_options
from .results import tell_extension
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..running.extending import Extension
    from ..running.pipeline import Outcome, Pipeline


@click.command("extend")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--tasks", required=True, metavar="A,B,...", help="The new tasks, separated by commas.")
@click.option("--finetune", is_flag=True, help="Train everything, not the new heads alone.")
@epochs_option
@new_run_options
@json_option
@pass_session
def command(
    session: Session,
    /,
    run: Path,
    tasks: str,
    finetune: bool,
    assignments: tuple[str, ...],
    device: str,
    out: Path | None,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Add tasks to a run's trained model, in a new run.

    New heads are trained, and what comes from the run stays as it is: its tasks answer bit for bit as before,
    which is verified. With --finetune everything is trained, and what the old tasks lost is told.

    \b
    Examples:
      mtl extend runs/demo --tasks parity
      mtl extend runs/demo --tasks parity --finetune --epochs 2
    """
    with session.importing():
        from ..base.device import choose_device
        from ..running.extending import Extension
        from ..running.pipeline import Pipeline
    from .progress import choose_progress, finish_run

    progress = choose_progress()
    given = {name: value for name, value in flags.items() if value is not None}
    asked = Extension(tuple(names_in(tasks) or ()), finetune, given, assignments)
    pipeline = Pipeline(session.registry, choose_device(device), progress)
    found: dict[str, Any] = {}
    job = _job(pipeline, run, asked, found, out, force)
    finish_run(progress, as_json, job, found)
    if not as_json:
        tell_extension(found)


def _job(
    pipeline: Pipeline, run: Path, asked: Extension, found: dict[str, Any], out: Path | None, force: bool
) -> Callable[[], Outcome]:
    """Return the training, ready to begin; what became of the old tasks is put into `found` after it."""
    from ..api import run_name
    from ..base.places import refuse_unusable
    from ..running.extending import extended
    from ..running.extension import OldTasks
    from ..running.run import load_run

    registry, warning = pipeline.registry, pipeline.progress.warning
    old = load_run(run, registry, progress=pipeline.progress)
    recipe, source = extended(old, asked, registry, warning)
    path = out or Path("runs") / run_name(recipe.to_plain())
    refuse_unusable(path)

    tasks = OldTasks(old.path, asked.finetune, old)
    how: dict[str, Any] = {"source": source, "force": force, "numbered": out is None}

    def job() -> Outcome:
        outcome = pipeline.run(recipe, path, notes={tasks.file: tasks.begun()}, **how)
        found.update(tasks.judge(outcome, warning))
        return outcome

    return job
