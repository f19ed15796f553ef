"""`mtl compose`: the whole job."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asked import (
    LOOKS_ONLY,
    data_options,
    devices_option,
    executor_option,
    jobs_option,
    json_option,
    loudness_options,
    names_in,
    new_run_options,
    tracker_option,
    training_options,
)
from .completion import components
from .seeds import refuse_alone, train_seeds
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..recipe.recipe import Recipe
    from ..recipe.recipe_source import RecipeSource


@click.command("compose")
@data_options
@click.option(
    "--tasks",
    metavar="A,B,...",
    shell_complete=components("task"),
    help="The tasks, separated by commas (mtl list task), or columns of --data.",
)
@click.option(
    "--encoder",
    metavar="NAME",
    shell_complete=components("encoder"),
    help="The encoder (mtl list encoder).",
)
@click.option(
    "--sharing",
    metavar="NAME",
    shell_complete=components("sharing"),
    help="How encoders are shared (mtl list sharing).",
)
@click.option(
    "--balancer",
    metavar="NAME",
    shell_complete=components("balancer"),
    help="How losses become one update (mtl list balancer).",
)
@training_options
@click.option("--seeds", metavar="N|A,B,...", help="Train several seeds at once: so many, or these.")
@executor_option
@jobs_option
@tracker_option
@new_run_options
@devices_option
@click.option("--dry-run", is_flag=True, help=f"Stop at the plan: {LOOKS_ONLY}.")
@loudness_options
@json_option
@pass_session
def command(
    session: Session,
    /,
    recipe: str | None,
    tasks: str | None,
    assignments: tuple[str, ...],
    seeds: str | None,
    device: str,
    devices: int | None,
    executor: str | None,
    jobs: int | None,
    out: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train, evaluate, export and verify a multitask model.

    \b
    Examples:
      mtl compose --data photos.csv
      mtl compose --tasks denoise,classify --encoder lenet --epochs 2
      mtl compose --tasks parity,classify --set train.batch_size=64 --dry-run
      mtl compose --tasks denoise,classify --encoder lenet --seeds 3
      mtl compose --tasks denoise,classify --encoder lenet --devices 2
    """
    refuse_alone(executor, jobs, devices, seeds=seeds, force=force)
    resolved, source = _read(session, recipe, tasks, flags, assignments)
    from ..recipe.seed_list import read_seeds

    asked = flags["seed"] is not None
    chosen = None if seeds is None else read_seeds(seeds, first=resolved.seed, asked=asked)
    if dry_run:
        from .dry_run import Wanted, plan_run

        wanted = Wanted(device, devices, executor, jobs, chosen, out, force)
        plan_run(session, resolved, source, wanted, as_json)
        return
    if chosen is not None and executor is not None:
        place = (_place(out, resolved), out is None)
        train_seeds(session, (executor, device, jobs), (resolved, source), chosen, place, as_json)
        return
    _train(session, (device, devices), (resolved, source), chosen, out, force, as_json)


def _train(
    session: Session,
    devices: tuple[str, int | None],
    written: tuple[Recipe, RecipeSource],
    seeds: Sequence[int] | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Train one model or several in this process, or one with others."""
    with session.importing():
        # The first optimizer of torch brings in its compiler: here, the collector leaves it alone for good.
        import_module("torch._dynamo")
        from ..running.following import Follower
        from ..running.pipeline import Pipeline
        from ..running.seeds import SeedsPipeline
        from .devices import started_here
        from .progress import choose_progress, finish_run, finish_seeds

    recipe, source = written
    ranks, device = started_here(*devices, session.arguments, several=seeds is not None)
    if not ranks.leads:
        Follower(Pipeline(session.registry, device, ranks=ranks)).run(recipe, source)
        return
    path = _place(out, recipe)
    how: dict[str, Any] = {"source": source, "force": force, "numbered": out is None}
    progress = choose_progress()
    pipeline = Pipeline(session.registry, device, progress, ranks=ranks)
    if seeds is None:
        finish_run(progress, as_json, lambda: pipeline.run(recipe, path, **how))
    else:
        finish_seeds(progress, as_json, lambda: SeedsPipeline(pipeline).run(recipe, path, seeds, **how))


def _read(
    session: Session, recipe: str | None, tasks: str | None, flags: dict[str, Any], given: tuple[str, ...]
) -> tuple[Recipe, RecipeSource]:
    """Return the recipe that a command line asks for, and where its values come from."""
    with session.importing():
        # Most of what a command imports later, brought in here: with the collector at rest, and once.
        import_module("..composition.composer", __package__)
        from ..recipe.recipe_reader import read
        from ..recipe.request import Request

    source = Request(recipe, names_in(tasks), flags, given).source(session.registry)
    return read(source, session.registry), source


def _place(out: Path | None, recipe: Recipe) -> Path:
    """Return the run's folder; raise when nothing can be written there."""
    from ..api import run_name
    from ..base.places import refuse_unusable

    path = out or Path("runs") / run_name(recipe.to_plain())
    refuse_unusable(path)
    return path
