"""`mtl runs diff`: what runs have in recipe and metrics that differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..base.errors import UsageError
from .completion import runs as known_runs
from .results import print_table, shown
from .session import print_json

if TYPE_CHECKING:
    from ..folders.differing import Differing

_LONGEST = 40
"""Letters of a value that a cell shows."""


@click.command("diff")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True, shell_complete=known_runs)
@click.option("--page", type=click.Path(path_type=Path), help="Write a page with curves to this file too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(runs: tuple[Path, ...], page: Path | None, as_json: bool) -> None:
    """Say what two or more RUNS have in their recipes that differs, and what each reached on the test split.

    A constant answer's metrics stand below each. The page has the curves of all runs over each other.

    \b
    Examples:
      mtl runs diff runs/demo runs/demo
      mtl runs diff runs/demo runs/demo --page demo.html
    """
    from ..folders.differing import differing
    from ..folders.kept_runs import kept_run

    if len(runs) < 2:
        raise UsageError("one run differs from nothing", hint="name two or more runs")
    found = differing([*map(str, runs)], [kept_run(run) for run in runs])
    if page is not None:
        _write_page(page, runs, found)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found)
    if page is not None:
        click.echo(f"the page is {page}", err=True)


def _print(found: Differing) -> None:
    rows = [[key, *map(_short, values)] for key, values in found.recipe.items()]
    for key, values in found.test.items():
        rows.append([key, *map(shown, values)])
        if key in found.baseline:
            rows.append(["  constant answer", *map(shown, found.baseline[key])])
    if not found.recipe:
        click.echo("the recipes are the same", err=True)
    print_table(rows, ["", *found.names])


def _write_page(page: Path, runs: Sequence[Path], found: Differing) -> None:
    from ..base.files import write_text
    from ..folders.run_folder import HISTORY, RunFolder
    from ..report.side_by_side import side_by_side

    if page.is_dir():
        raise UsageError(f"{page} is a folder", hint="name the file of the page: --page runs.html")
    histories = [RunFolder(run).read_history() if (run / HISTORY).exists() else [] for run in runs]
    write_text(page, side_by_side(found, histories))


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
