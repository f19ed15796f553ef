"""`mtl runs show`: one run in words."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import runs
from .results import print_metrics
from .session import print_json


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: Path, as_json: bool) -> None:
    """Show a run: its state, tags, recipe, and what it reached on the test split beside the baseline.

    \b
    Examples:
      mtl runs show runs/demo
      mtl runs show runs/demo --json
    """
    from ..folders.kept_runs import kept_run
    from ..recipe.recipe_source import write_yaml

    found = kept_run(run)
    if as_json:
        print_json(found.to_json() | {"baseline": found.metrics.get("baseline")})
        return
    tags = f", tagged {', '.join(found.tags)}" if found.tags else ""
    click.echo(f"{found.path}: {found.state}{tags}{f' ({found.reason})' if found.reason else ''}\n")
    click.echo(write_yaml(found.recipe))
    if found.metrics:
        print_metrics(found.test, found.metrics.get("baseline"))
