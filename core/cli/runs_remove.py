"""`mtl runs remove`: delete runs."""

from __future__ import annotations

from pathlib import Path

import click

from ..base.errors import UsageError
from .asked import confirm


@click.command("remove")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(runs: tuple[Path, ...], yes: bool) -> None:
    """Delete RUNS, several seeds or comparisons with all that is in their folders.

    One that somebody is at work in is refused, and then none is deleted.

    \b
    Examples:
      mtl runs remove runs/demo --yes
      mtl runs remove runs/old-1 runs/old-2 --yes
    """
    from ..folders.kept_runs import is_at_work, remove_run

    for run in runs:
        if is_at_work(run):
            raise UsageError(f"another process is at work in {run}", hint="wait for it to end")
    confirm(f"delete {', '.join(map(str, runs))}?", yes)
    for run in runs:
        warned: list[str] = []
        remove_run(run, warned)
        for text in warned:
            click.echo(f"warning: {text}", err=True)
        click.echo(f"removed {run}")
