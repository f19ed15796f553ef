"""`mtl runs open`: the report in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from ..base.errors import UsageError
from .completion import runs


@click.command("open")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
def command(run: Path) -> None:
    """Open the report of a RUN, of several seeds or of a comparison in the browser, and print where it is.

    \b
    Examples:
      mtl runs open runs/demo
      mtl runs open runs/demo/report.html
    """
    report = (run.parent if run.is_file() else run) / "report.html"
    if not report.is_file():
        hint = f"mtl resume {run} writes it" if (run / "recipe.yaml").is_file() else "name a run's folder"
        raise UsageError(f"{report} is not there", hint=hint)
    click.echo(str(report))
    if not webbrowser.open(report.absolute().as_uri()):
        click.echo("no browser could be opened", err=True)
