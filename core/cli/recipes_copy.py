"""`mtl recipes copy`: a shipped recipe as a file of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from ..base.errors import UsageError
from .session import Session, pass_session, print_json


@click.command("copy")
@click.argument("name")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, name: str, file: Path | None, force: bool, as_json: bool) -> None:
    """Write a shipped recipe to a FILE of your own, NAME.yaml unless it is given.

    \b
    Examples:
      mtl recipes copy mnist-even-third
      mtl recipes copy mnist-random-sum sums.yaml --json
    """
    from ..base.files import make_folder, write_text
    from ..recipe.shipped_recipes import recipe_text

    text = recipe_text(session.registry, name)
    path = file or Path(f"{name.rpartition('/')[2]}.yaml")
    if path.is_dir():
        path /= f"{name.rpartition('/')[2]}.yaml"
    if path.exists() and not force:
        raise UsageError(f"{path} exists already", hint="name another file, or replace it with --force")
    make_folder(path.parent)
    write_text(path, text)
    if as_json:
        print_json({"recipe": name, "file": str(path)})
    else:
        click.echo(str(path))
        click.echo(f"next: mtl compose --recipe {path}", err=True)
