"""`mtl runs diff`: what runs have in recipe and metrics that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..base.errors import UsageError
from .results import print_table, shown
from .session import print_json

_LONGEST = 40
"""Letters of a value that a cell shows."""


@click.command("diff")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(runs: tuple[Path, ...], as_json: bool) -> None:
    """Say what two or more RUNS have in their recipes that differs, and what each reached on the test split.

    \b
    Examples:
      mtl runs diff runs/demo runs/demo
      mtl runs diff runs/demo runs/demo --json
    """
    from ..folders.kept_runs import kept_run

    if len(runs) < 2:
        raise UsageError("one run differs from nothing", hint="name two or more runs")
    found = [kept_run(run) for run in runs]
    settings = [run.settings for run in found]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    differing = {
        key: [each.get(key) for each in settings]
        for key in keys
        if any(
            each.get(key) != settings[0].get(key) or (key in each) != (key in settings[0])
            for each in settings
        )
    }
    names = list(dict.fromkeys((task, name) for run in found for task in run.test for name in run.test[task]))
    measured = {f"{task}/{name}": [run.test.get(task, {}).get(name) for run in found] for task, name in names}
    if as_json:
        print_json({"runs": list(map(str, runs)), "recipe": differing, "test": measured})
        return
    rows = [[key, *map(_short, values)] for key, values in differing.items()]
    rows += [[key, *map(shown, values)] for key, values in measured.items()]
    if not differing:
        click.echo("the recipes are the same", err=True)
    print_table(rows, ["", *map(str, runs)])


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
