"""`mtl card`: the card of a model."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import runs
from .session import Session, pass_session, warn


@click.command("card")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.option("--to", type=click.Path(path_type=Path), help="The file [default: README.md in the run].")
@pass_session
def command(session: Session, run: Path, to: Path | None) -> None:
    """Write the card of a RUN's model: answers, data, metrics, licences, proof, how to run it.

    What it is meant for is left for you to fill in, and what you wrote there stays when it is written again.

    \b
    Examples:
      mtl card runs/demo
      mtl card runs/demo --to card.md
    """
    with session.importing():
        from ..running.card import write_card
        from ..running.run import load_run
        from .progress import LineProgress

    card = write_card(load_run(run, session.registry, progress=LineProgress()), to)
    for text in card.missing:
        warn(text)
    click.echo(str(card.path))
