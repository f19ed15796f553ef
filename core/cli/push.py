"""`mtl push`: a run to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import runs
from .results import print_table
from .session import Session, pass_session


@click.command("push")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.argument("repository", metavar="REPO")
@click.option(
    "--public", is_flag=True, help="Let everybody see a repository that is made [default: private]."
)
@click.option("--dry-run", is_flag=True, help="Show what would go; nothing is sent and nobody is asked.")
@pass_session
def command(session: Session, run: Path, repository: str, public: bool, dry_run: bool) -> None:
    """Send a RUN to the repository REPO of the Hugging Face hub: model, card, report, weights, recipe.

    Paths of this machine, commands and plugins' code stay here.

    \b
    Examples:
      mtl push runs/demo NAME/digits --dry-run
      mtl push runs/demo NAME/digits
    """
    with session.importing():
        from ..running.hub import parcel, push
        from ..running.run import load_run
        from .progress import LineProgress

    loaded = load_run(run, session.registry, progress=LineProgress())
    if dry_run:
        sizes = parcel(loaded).sizes()
        print_table([[name, f"{size:,}"] for name, size in sizes.items()], ["file", "bytes"])
        kind = "public" if public else "private"
        click.echo(
            f"{sum(sizes.values()):,} bytes would go to {repository} ({kind} where it is new)", err=True
        )
        return
    click.echo(push(loaded, repository, private=not public))
