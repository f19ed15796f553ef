"""`mtl plugins index`: which plugins there are, and what the conformance kit says of each."""

from __future__ import annotations

from pathlib import Path

import click

from ..base.errors import UsageError
from ..discovery.home import HOME
from .session import Session, pass_session


@click.command("index")
@click.argument("targets", metavar="[PLUGIN|FOLDER]...", nargs=-1)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Where index.json and index.md are, or will be.",
)
@click.option("--quick", is_flag=True, help="Only checks that neither train nor export.")
@pass_session
def command(session: Session, targets: tuple[str, ...], out: Path, quick: bool) -> None:
    """Check plugins and write an index of them: JSON, and a page of Markdown.

    Each is an installed distribution or the folder of a package, and is checked in a process of its own;
    without any, all but the built-in ones are. What the index in DIR says of others, and of other versions of
    mtl, stays.

    \b
    Examples:
      mtl plugins index --out plugin-index
      mtl plugins index my-plugin ./my-data --out plugin-index
    """
    from ..ecosystem.index import entry, merged, read_index, write_index

    found = list(dict.fromkeys(provider.distribution for provider in session.registry.providers))
    wanted = targets or tuple(name for name in found if name != HOME and not name.endswith(".py"))
    if not wanted:
        raise UsageError("no plugins but the built-in ones are installed", hint="name folders of packages")
    known = read_index(out)
    rows = []
    for target in wanted:
        click.echo(f"checking {target}", err=True)
        rows.append(entry(target, quick=quick))
    for path in write_index(out, merged(known, rows)):
        click.echo(path)
