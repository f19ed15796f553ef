"""`mtl runs remove`: delete runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..base.errors import UsageError


@click.command("remove")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(runs: tuple[Path, ...], yes: bool) -> None:
    """Delete RUNS with all that is in their folders; one that somebody is at work in is refused.

    \b
    Examples:
      mtl runs remove runs/demo --yes
      mtl runs remove runs/old-1 runs/old-2 --yes
    """
    from ..folders.kept_runs import AT_WORK, kept_run, remove_run

    found = [kept_run(run) for run in runs]
    for run in found:
        if run.state == AT_WORK:
            raise UsageError(f"another process is at work in {run.path}", hint="wait for it to end")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is there to be asked", hint="delete without asking: --yes")
        click.confirm(f"delete {', '.join(str(run.path) for run in found)}?", abort=True, err=True)
    for run in found:
        warned: list[str] = []
        remove_run(run.path, warned)
        for text in warned:
            click.echo(f"warning: {text}", err=True)
        click.echo(f"removed {run.path}")
