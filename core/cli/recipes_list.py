"""`mtl recipes list`: the shipped recipes with their data sets and tasks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import click

from .results import print_table
from .session import Session, pass_session, print_json


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, pattern: str, as_json: bool) -> None:
    """List the shipped recipes whose names match a PATTERN, with data set and tasks.

    \b
    Examples:
      mtl recipes list
      mtl recipes list '*-best' --json
    """
    names = [name for name in session.registry.names("recipe") if fnmatchcase(name, pattern)]
    rows = [_described(session, name) for name in names]
    if as_json:
        print_json(rows)
        return
    header = ["name", "dataset", "tasks", "summary"]
    print_table(
        [[row["name"], row["dataset"], ",".join(row["tasks"]), row["summary"]] for row in rows], header
    )


def _described(session: Session, name: str) -> dict[str, Any]:
    from ..recipe.recipe_reader import read
    from ..recipe.request import Request

    recipe = read(Request(name).source(session.registry), session.registry)
    entry = session.registry.find("recipe", name)
    return {
        "name": name,
        "dataset": recipe.dataset.name,
        "tasks": [task.name for task in recipe.tasks],
        "summary": entry.component.summary,
        "distribution": entry.provider.distribution,
        "version": entry.provider.version,
    }
