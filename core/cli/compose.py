"""`mtl compose`: the whole job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..base.collection import uncollected
from .session import Session, pass_session, print_json


@click.command("compose")
@click.option(
    "--recipe", metavar="NAME|FILE", help="Start from a shipped recipe, a YAML file or a run folder."
)
@click.option(
    "--tasks", metavar="A,B,...", help="The tasks, separated by commas (mtl list task), or columns of --data."
)
@click.option("--encoder", metavar="NAME", help="The encoder (mtl list encoder).")
@click.option("--dataset", metavar="NAME", help="The data set (mtl list dataset).")
@click.option("--data", metavar="FILE|FOLDER", help="Your own table of pictures, or a folder with one.")
@click.option("--data-dir", metavar="DIR", help="The folder (or archive) the data set is in.")
@click.option("--sharing", metavar="NAME", help="How encoders are shared (mtl list sharing).")
@click.option("--balancer", metavar="NAME", help="How losses become one update (mtl list balancer).")
@click.option(
    "--balance-on",
    metavar="parameters|features",
    help="Whose gradients a gradient balancer weighs: the shared parameters' or the shared features'.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training split.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of everything random.")
@click.option("--seeds", metavar="N|A,B,...", help="Train several seeds at once: so many, or these.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    help="Arithmetic of the forward pass.",
)
@click.option(
    "--deterministic", is_flag=True, default=None, help="The same bytes on CUDA too, however often resumed."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set anything; may be repeated."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder [default: a new one in runs/].")
@click.option("--force", is_flag=True, help="Replace an existing run folder.")
@click.option("--dry-run", is_flag=True, help="Stop at the plan: nothing is loaded, trained or written.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@pass_session
def command(
    session: Session,
    /,
    recipe: str | None,
    tasks: str | None,
    assignments: tuple[str, ...],
    seeds: str | None,
    device: str,
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
      mtl compose --tasks denoise,classify --encoder lenet --seeds 8
    """
    with uncollected():
        from ..composition.composer import compose
        from ..recipe.recipe_reader import read
        from ..recipe.request import Request

    named = [name.strip() for name in tasks.split(",")] if tasks is not None else None
    if named is not None:
        named = [name for name in named if name]
    given = {name: value for name, value in flags.items() if value is not None}
    source = Request(recipe, named, given, assignments).source(session.registry)
    resolved = read(source, session.registry)
    if dry_run:
        _print_plan(compose(resolved, session.registry, source).plan(), as_json)
        return
    from ..api import run_name
    from ..base.device import choose_device
    from ..base.places import refuse_unusable
    from ..recipe.seed_list import read_seeds
    from ..running.pipeline import Pipeline
    from ..running.seeds import SeedsPipeline
    from .progress import choose_progress, finish_run, finish_seeds

    chosen = None
    if seeds is not None:
        chosen = read_seeds(seeds, first=resolved.seed, asked="seed" in given)
    path = out or Path("runs") / run_name(resolved.to_plain())
    refuse_unusable(path)
    how: dict[str, Any] = {"source": source, "force": force, "numbered": out is None}
    progress = choose_progress()
    pipeline = Pipeline(session.registry, choose_device(device), progress)
    if chosen is not None:
        many = SeedsPipeline(pipeline)
        finish_seeds(progress, as_json, lambda: many.run(resolved, path, chosen, **how))
        return
    finish_run(progress, as_json, lambda: pipeline.run(resolved, path, **how))


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    from ..recipe.recipe_source import write_yaml
    from .plan import describe_plan

    if as_json:
        print_json(plan)
    else:
        click.echo(describe_plan(plan), err=True)
        click.echo(write_yaml(plan["recipe"]), nl=False)
