"""How a command line says what to train: the options that commands share, declared once."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ..base.errors import UsageError
from .completion import components, runs

Command = TypeVar("Command", bound=Callable[..., Any])

LOUDNESS = "mtl.loudness"
"""Where an invocation keeps that it shall be quiet, or verbose."""

recipe_option = click.option(
    "--recipe",
    metavar="NAME|FILE",
    shell_complete=components("recipe"),
    help="Start from a shipped recipe, a YAML file or a run folder.",
)
dataset_option = click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=components("dataset"),
    help="The data set (mtl list dataset).",
)
data_option = click.option(
    "--data", metavar="FILE|FOLDER", help="Your own table of pictures, or a folder with one."
)
data_dir_option = click.option(
    "--data-dir", metavar="DIR", help="The folder (or archive) the data set is in."
)
skip_broken_option = click.option(
    "--skip-broken", is_flag=True, default=None, help="Leave out pictures that cannot be read."
)
allow_duplicates_option = click.option(
    "--allow-duplicates", is_flag=True, default=None, help="Go on when a picture is in two parts of the data."
)
balance_on_option = click.option(
    "--balance-on",
    metavar="parameters|features",
    help="Whose gradients a gradient balancer weighs: the shared parameters' or the shared features'.",
)
init_from_option = click.option(
    "--init-from",
    metavar="RUN",
    shell_complete=runs,
    help="Start from the weights that a run has kept, by name.",
)
epochs_option = click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training split.")
precision_option = click.option(
    "--precision", type=click.Choice(["float32", "bf16"]), help="Arithmetic of the forward pass."
)
deterministic_option = click.option(
    "--deterministic", is_flag=True, default=None, help="The same bytes on CUDA too, however often resumed."
)
tracker_option = click.option(
    "--tracker",
    multiple=True,
    metavar="NAME",
    shell_complete=components("tracker"),
    callback=lambda context, option, given: given or None,
    help="Tell a tracker of the run (mtl list tracker); may be repeated.",
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
devices_option = click.option(
    "--devices",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train one model on so many devices.",
)
seed_option = click.option("--seed", type=click.IntRange(min=0), help="Seed of everything random.")
assignments_option = click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set anything; may be repeated."
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path), help="The run folder [default: a new one in runs/]."
)
force_option = click.option("--force", is_flag=True, help="Replace an existing run folder.")
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trainings at a time [default: one, or the executor's].",
)
executor_option = click.option(
    "--executor",
    metavar="NAME|{name: NAME, ...}",
    shell_complete=components("executor"),
    help="Who trains (mtl list executor); any number of commands may then share the folder.",
)
metric_option = click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="TASK=METRIC",
    help="What judges a task [default: its first metric with a direction]. May be repeated.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")

LOOKS_ONLY = "nothing is trained or written; some of the data's files are looked at"
"""What a dry run does, in the help of every command that has one before a training."""

_SEARCH = (
    click.option(
        "--search",
        "spaces",
        multiple=True,
        metavar="KEY=VALUES",
        help="Search this first, alike for each variant and each task alone (as mtl search --space).",
    ),
    click.option(
        "--trials",
        type=click.IntRange(min=1),
        metavar="N",
        help="Trials of each of these searches [default: 20].",
    ),
)

_DATA = (
    recipe_option,
    dataset_option,
    data_option,
    data_dir_option,
    skip_broken_option,
    allow_duplicates_option,
)
_TRAINING = (balance_on_option, init_from_option, epochs_option, precision_option, deterministic_option)

_NEW_RUN = (seed_option, assignments_option, device_option, out_option, force_option)


def data_options(command: Command) -> Command:
    """Add the options that say which data a training is of, or all trainings of a comparison."""
    return _added(_DATA, command)


def source_options(command: Command) -> Command:
    """Add the options that say which data a training is of, for a command whose argument is the recipe."""
    return _added(_DATA[1:], command)


def search_options(command: Command) -> Command:
    """Add the options that say what is searched, with which budget, before a comparison."""
    return _added(_SEARCH, command)


def training_options(command: Command) -> Command:
    """Add the options that say one thing of a training, or of all trainings of a comparison."""
    return _added(_TRAINING, command)


def loudness_options(command: Command) -> Command:
    """Add `-q` and `-v`: warnings and results alone, or every number of an epoch."""
    how: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _remember_loudness}
    quiet = click.option("-q", "--quiet", help="Warnings and results alone.", **how)
    verbose = click.option("-v", "--verbose", help="Every number of an epoch.", **how)
    return _added((quiet, verbose), command)


def _remember_loudness(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        context.meta[LOUDNESS] = option.name


def new_run_options(command: Command) -> Command:
    """Add the options of whatever trains a new run: how, where, and into which folder."""
    return _added(_NEW_RUN, command)


def flags_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a command's options that a recipe follows, by name.

    >>> flags_in({"epochs": 2, "precision": None, "metrics": ()})
    {'epochs': 2, 'precision': None}
    """
    from ..recipe.request import FLAGS

    return {name: given[name] for name in FLAGS if name in given}


def names_in(text: str | None) -> list[str] | None:
    """Return the names in a text with commas between them; None where nothing was said.

    >>> names_in("denoise, classify,")
    ['denoise', 'classify']
    """
    return None if text is None else [name for part in text.split(",") if (name := part.strip())]


def by_task(flag: str, what: str, given: tuple[str, ...]) -> dict[str, str]:
    """Return what a flag says of each task it names."""
    chosen: dict[str, str] = {}
    for item in given:
        task, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not task or not value:
            raise UsageError(f"{flag} {item!r} is no pair", hint=f"write {flag} TASK={what}")
        if task in chosen:
            raise UsageError(f"{flag} names {task!r} twice", hint=f"a task has one {what.lower()}")
        chosen[task] = value
    return chosen


def _added(options: tuple[Any, ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def confirm(question: str, yes: bool, *, about: Sequence[str] = ()) -> None:
    """Ask on the terminal, `yes`: nobody; a command that the question is about is shown in any case.

    Raises `UsageError` where nobody is there to be asked, `click.Abort` for a no.
    """
    if about:
        click.echo(f"$ {shlex.join(about)}", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", hint="do it without asking: --yes")
    click.confirm(question, abort=True, err=True)


def drops_in(given: tuple[str, ...]) -> dict[str, float]:
    """Read `NAME=VALUE` pairs; raise `UsageError` for anything else."""
    found = {}
    for item in given:
        name, equals, text = item.rpartition("=")
        try:
            found[name] = float(text)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise UsageError(
                f"--max-drop {item!r} is not NAME=VALUE with a number",
                hint="for example --max-drop classify=1",
            )
    return found
