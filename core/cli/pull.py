"""`mtl pull`: a run from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("pull")
@click.argument("repository", metavar="REPO")
@click.option("--out", type=click.Path(path_type=Path), help="The folder [default: runs/ and the name].")
def command(repository: str, out: Path | None) -> None:
    """Bring a run from the repository REPO of the Hugging Face hub into a new folder.

    Only files that a run has are taken; nothing that is executed when it is opened.

    \b
    Examples:
      mtl pull NAME/digits
      mtl pull NAME/digits --out runs/theirs
    """
    from ..running.hub import pull

    folder = out or Path("runs") / repository.rpartition("/")[2]
    left = pull(repository, folder)
    if left:
        click.echo(f"left there, since no run has such files: {', '.join(left)}", err=True)
    click.echo(str(folder))
