"""`mtl runs list`: the runs in a folder, filtered and sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..base.errors import UsageError, suggest
from .results import print_table, shown
from .session import print_json

if TYPE_CHECKING:
    from ..folders.kept_runs import KeptRun


@click.command("list")
@click.argument("folder", type=click.Path(path_type=Path), default="runs")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="KEY=PATTERN",
    help="Only runs whose dataset, encoder, sharing, task, tag, state, or value of the recipe (train.epochs) "
    "matches. May be repeated.",
)
@click.option(
    "--sort",
    default="path",
    show_default=True,
    metavar="[-]KEY",
    help="path, changed, or a test metric as TASK/METRIC; with - the largest first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, conditions: tuple[str, ...], sort: str, as_json: bool) -> None:
    """List the runs in a FOLDER and below it, with what they trained and reached on the test split.

    \b
    Examples:
      mtl runs list
      mtl runs list runs --where 'encoder=lenet*' --sort=-classify/accuracy --json
    """
    from ..folders.kept_runs import runs_under

    found = list(runs_under(folder))
    wanted = [_condition(text, found) for text in conditions]
    runs = [run for run in found if all(holds(run) for holds in wanted)]
    runs = _sorted(runs, sort)
    if as_json:
        print_json([run.to_json() for run in runs])
        return
    if not runs:
        click.echo(f"no run in {folder}{' matches' if wanted else ''}", err=True)
        return
    print_table(
        [_row(run) for run in runs], ["run", "changed", "state", "dataset", "encoder", "test", "tags"]
    )


_COMPONENTS = ("dataset", "encoder", "sharing", "balancer")
_OF_RUNS = ("task", "tasks", "tag", "tags", "state")


def _row(run: KeptRun) -> list[str]:
    first = (f"{task} {_leading(values)}" for task, values in run.test.items() if values)
    return [
        str(run.path),
        datetime.fromtimestamp(run.changed).strftime("%Y-%m-%d %H:%M"),
        run.state,
        _dataset(run.recipe.get("dataset")),
        _name(run.recipe.get("encoder")),
        ", ".join(first) or (run.reason or ""),
        ",".join(run.tags),
    ]


def _leading(values: Mapping[str, float | None]) -> str:
    """Return the metric that stands first after the loss, which says little by itself."""
    name = next((name for name in values if name != "loss"), "loss")
    return f"{name} {shown(values[name])}"


def _name(value: Any) -> str:
    """Return the name of a component as a recipe has it, with or without options."""
    found = value.get("name", "") if isinstance(value, Mapping) else value
    return "" if found is None else str(found)


def _dataset(value: Any) -> str:
    """Return the name of a data set, with that of the file or folder that it reads, if any."""
    file = value.get("file") if isinstance(value, Mapping) else None
    return _name(value) + (f" {Path(str(file)).name}" if file else "")


def _condition(text: str, runs: list[KeptRun]) -> Callable[[KeptRun], bool]:
    key, equals, pattern = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise UsageError(f"--where {text!r} is no pair", hint="write --where KEY=PATTERN")
    known = {*_COMPONENTS, *_OF_RUNS, *(name for run in runs for name in run.settings)}
    if runs and key not in known:
        raise UsageError(f"--where {text}: no run has {key!r}", hint=suggest(key, sorted(known), "keys"))

    def holds(run: KeptRun) -> bool:
        return any(fnmatchcase(value, pattern) for value in _values(run, key))

    return holds


def _values(run: KeptRun, key: str) -> list[str]:
    if key in _COMPONENTS:
        return [_name(run.recipe.get(key))]
    if key in ("task", "tasks"):
        return list(map(str, run.recipe.get("tasks") or ()))
    if key in ("tag", "tags"):
        return list(run.tags)
    if key == "state":
        return [run.state]
    found = run.settings
    return [str(found[key])] if key in found else []


def _sorted(runs: list[KeptRun], sort: str) -> list[KeptRun]:
    key, falling = sort.removeprefix("-"), sort.startswith("-")
    if key == "path":
        return runs[::-1] if falling else runs
    if key == "changed":
        return sorted(runs, key=lambda run: run.changed, reverse=falling)
    task, slash, metric = key.partition("/")
    known = sorted({f"{name}/{each}" for run in runs for name, values in run.test.items() for each in values})
    if not slash or (runs and key not in known):
        hint = suggest(key, ["path", "changed", *known], "keys")
        raise UsageError(f"--sort {sort}: no run has {key!r}", hint=hint)

    def place(run: KeptRun) -> tuple[bool, float]:
        value = run.test.get(task, {}).get(metric)
        known = value is not None and math.isfinite(value)
        return not known, (-value if falling else value) if value is not None and known else 0.0

    return sorted(runs, key=place)
