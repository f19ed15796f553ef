"""`mtl init`: a recipe from five questions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..base.errors import UsageError
from .asked import names_in
from .session import Session, pass_session


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), default="recipe.yaml")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is proposed.")
@pass_session
def command(session: Session, file: Path, yes: bool) -> None:
    """Write a recipe to FILE [default: recipe.yaml] after five questions, each with a proposal.

    \b
    Examples:
      mtl init --yes
      mtl init photos.yaml --yes
    """
    from ..base.files import write_text
    from ..recipe.recipe_source import write_yaml

    if file.exists():
        raise UsageError(f"{file} exists already", hint="name another file: mtl init FILE")
    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", hint="take what is proposed: mtl init --yes")
    tree = _proposed(session) if yes else _asked(session)
    _refuse_wrong(session, tree)
    write_text(file, write_yaml({"mtl": 1, **tree}))
    click.echo(str(file))
    click.echo(f"look first: mtl compose --recipe {file} --dry-run", err=True)
    click.echo(f"train it:   mtl compose --recipe {file}", err=True)


def _proposed(session: Session) -> dict[str, Any]:
    (dataset,) = session.registry.defaults("dataset", "recipe")
    (encoder,) = session.registry.defaults("encoder", "recipe")
    (task,) = session.registry.defaults("task", "recipe")
    return {
        "dataset": dataset,
        "tasks": [task],
        "encoder": encoder,
        "train": {"epochs": 20},
    }


def _asked(session: Session) -> dict[str, Any]:
    """Return the answers to five questions."""
    proposed = _proposed(session)
    question = "1/5  Your table of pictures (a CSV file), or a data set (mtl list dataset)"
    data = _ask(question, proposed["dataset"])
    own = data not in session.registry.names("dataset")
    if own and not Path(data).exists():
        raise UsageError(f"{data} is neither a file nor a data set", hint="mtl list dataset")
    columns = "all columns" if own else ",".join(proposed["tasks"])
    tasks = _ask("2/5  What is to be learned: columns or tasks, separated by commas (mtl list task)", columns)
    encoder = _ask("3/5  The encoder (mtl list encoder)", "the data's own" if own else proposed["encoder"])
    epochs = click.prompt("4/5  Epochs", default=20, type=click.IntRange(min=1), err=True)
    seed = click.prompt("5/5  Seed of everything random", default=0, type=click.IntRange(min=0), err=True)
    (reader,) = session.registry.defaults("dataset", "file")
    tree: dict[str, Any] = {"seed": seed, "dataset": {"name": reader, "file": data} if own else data}
    if tasks != "all columns":
        tree["tasks"] = names_in(tasks)
    if encoder != "the data's own":
        tree["encoder"] = encoder
    return {**tree, "train": {"epochs": epochs}}


def _ask(question: str, proposal: str) -> str:
    return str(click.prompt(question, default=proposal, err=True)).strip()


def _refuse_wrong(session: Session, tree: dict[str, Any]) -> None:
    """Raise as `mtl compose` would, before anything is written."""
    with session.importing():
        from ..recipe.recipe_reader import read
        from ..recipe.request import Request
    read(Request(tree).source(session.registry), session.registry)
