"""`mtl export`: write a run's model for another runtime, verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .results import describe_verification
from .session import Session, pass_session, print_json


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "exporter", metavar="NAME", help="The exporter [default: the recipe's].")
@click.option("--to", "path", type=click.Path(path_type=Path), help="The file [default: into the run].")
@click.option("--input", "input_type", metavar="TYPE", help="What the image input holds: float32 or uint8.")
@click.option("--seed", metavar="best|N", help="Which seed, of a run of several [default: best].")
@click.option("--raw", is_flag=True, help="Export logits instead of probabilities.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set an exporter's option.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(
    session: Session,
    run: Path,
    exporter: str | None,
    path: Path | None,
    input_type: str | None,
    seed: str | None,
    raw: bool,
    assignments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Export a run's model and prove that the file computes the same numbers.

    \b
    Examples:
      mtl export runs/demo
      mtl export runs/demo --input uint8 --to runs/demo/bytes.onnx
    """
    from ..recipe_source import RecipeSource
    from ..run import load_run
    from ..run_folder import SEEDS
    from ..seeds import choose_seed

    if seed is not None or (run / SEEDS).is_file():
        run = choose_seed(run, seed or "best")
    options = RecipeSource()
    for assignment in assignments:
        options.set(assignment)
    given: dict[str, Any] = dict(options.tree)
    if input_type is not None:
        given["input"] = input_type
    if raw:
        given["raw"] = True
    report = load_run(run, session.registry).export(path, exporter=exporter, **given)
    if as_json:
        print_json({"files": [str(file) for file in report.files], "verification": report.verification})
    else:
        for file in report.files:
            click.echo(str(file))
        click.echo(describe_verification(report.verification), err=True)
