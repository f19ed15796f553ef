"""`mtl runs tag`: words that find a run again."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import runs


@click.command("tag")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.argument("tags", nargs=-1)
@click.option("--remove", "taken", multiple=True, metavar="TAG", help="Take a tag away. May be repeated.")
def command(run: Path, tags: tuple[str, ...], taken: tuple[str, ...]) -> None:
    """Give a RUN tags, kept in its folder, and print those it has; without any, only print them.

    \b
    Examples:
      mtl runs tag runs/demo baseline
      mtl runs tag runs/demo --remove baseline
    """
    from ..folders.kept_runs import kept_run, tag, tags_of

    kept_run(run)
    found = tag(run, tags, taken) if tags or taken else tags_of(run)
    for name in found:
        click.echo(name)
