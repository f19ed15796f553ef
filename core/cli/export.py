"""`mtl export`: write a run's model for another runtime, verified."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .asked import drops_in
from .results import describe_verification, tell_fine_tuning, tell_losses
from .session import Session, pass_session, print_json


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "exporter", metavar="NAME", help="The exporter [default: the recipe's].")
@click.option(
    "--to", "path", type=click.Path(path_type=Path), help="Where to [default: the run's own, replaced]."
)
@click.option("--tasks", metavar="A,B", help="Export these tasks only, with what they depend on.")
@click.option("--input", "input_type", metavar="TYPE", help="What the image input holds: float32 or uint8.")
@click.option("--precision", metavar="TYPE", help="What it computes with: float32, float16 or int8.")
@click.option(
    "--max-drop",
    "drops",
    multiple=True,
    metavar="NAME=VALUE",
    help="Most that a task or metric may lose by float16 or int8 (points, dB, or percent of an error).",
)
@click.option(
    "--for", "opens_in", metavar="RUNTIME==X.Y", help="Oldest runtime to open it, as onnxruntime==1.17."
)
@click.option("--seed", metavar="best|N", help="Which seed, of a run of several [default: best].")
@click.option("--raw", is_flag=True, help="Export logits instead of probabilities.")
@click.option("--isolated", is_flag=True, help="Run the exporter in an environment of its own, made once.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set an exporter's option.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(
    session: Session,
    run: Path,
    exporter: str | None,
    path: Path | None,
    tasks: str | None,
    input_type: str | None,
    precision: str | None,
    drops: tuple[str, ...],
    opens_in: str | None,
    seed: str | None,
    raw: bool,
    isolated: bool,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Export a run's model and prove that the file computes the same numbers.

    \b
    Examples:
      mtl export runs/demo
      mtl export runs/demo --input uint8 --to runs/demo/bytes.onnx
    """
    with session.importing():
        from ..recipe.seed_list import SEEDS
        from ..running.run import load_run
        from ..running.seeds import choose_seed
        from .progress import LineProgress

    if seed is not None or (run / SEEDS).is_file():
        run = choose_seed(run, seed or "best")
    flags = {
        "input": input_type,
        "precision": precision,
        "raw": raw or None,
        "isolated": isolated or None,
        "max_drop": drops_in(drops),
        "opens_in": opens_in,
    }
    chosen = None if tasks is None else [task.strip() for task in tasks.split(",")]
    loaded = load_run(run, session.registry, progress=LineProgress())
    report = loaded.export(path, exporter=exporter, tasks=chosen, **_options(assignments, flags))
    if as_json:
        print_json({"files": [str(file) for file in report.files], "verification": report.verification})
    else:
        for file in report.files:
            click.echo(str(file))
        tell_fine_tuning(report.verification)
        tell_losses(report.verification)
        click.echo(describe_verification(report.verification) + _size(report.files[0]), err=True)


def _size(file: Path) -> str:
    return f"; {file.stat().st_size:,} bytes" if file.is_file() else ""


def _options(assignments: tuple[str, ...], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the exporter's options: those that were assigned, and over them the flags that say something."""
    from ..recipe.recipe_source import RecipeSource

    options = RecipeSource()
    for assignment in assignments:
        options.set(assignment)
    return {**options.tree, **{name: value for name, value in flags.items() if value}}
