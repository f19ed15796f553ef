"""`mtl resume`: continue an interrupted run."""

from __future__ import annotations

from pathlib import Path

import click

from .session import Session, pass_session


@click.command("resume")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@pass_session
def command(session: Session, run: Path, device: str, as_json: bool) -> None:
    """Continue an interrupted run after its last checkpoint, as if it had never stopped.

    \b
    Examples:
      mtl resume runs/demo
      mtl resume runs/demo --json
    """
    with session.importing():
        from ..base.device import choose_device
        from ..base.workplace import restore
        from ..folders.kept_plugins import read_recipe_of
        from ..folders.run_folder import open_run
        from ..recipe.seed_list import SEEDS
        from ..running.pipeline import Pipeline
        from ..running.seeds import SeedsPipeline
    from .progress import choose_progress, finish_run, finish_seeds

    restore(run)
    progress = choose_progress()
    pipeline = Pipeline(session.registry, choose_device(device), progress)
    if (run / SEEDS).is_file():
        many = SeedsPipeline(pipeline)
        finish_seeds(
            progress,
            as_json,
            lambda: many.resume(
                run, lambda file: read_recipe_of(file.parent, session.registry, progress.warning)
            ),
        )
        return
    folder = open_run(run)
    recipe = read_recipe_of(folder.path, session.registry, progress.warning)
    finish_run(progress, as_json, lambda: pipeline.resume(folder, recipe))
