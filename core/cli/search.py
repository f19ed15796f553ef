"""`mtl search`: which values of options are best?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..base.errors import UsageError
from .asked import (
    LOOKS_ONLY,
    assignments_option,
    by_task,
    device_option,
    executor_option,
    flags_in,
    jobs_option,
    json_option,
    metric_option,
    names_in,
    seed_option,
    source_options,
    training_options,
)
from .completion import components
from .session import Session, pass_session, print_json

if TYPE_CHECKING:
    from ..search.layout import Layout, Question
    from ..search.searching import Searching

SAMPLERS, PRUNERS = ("tpe", "random"), ("median", "none")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command("search")
@click.argument("recipe", metavar="[RECIPE]", required=False, shell_complete=components("recipe"))
@source_options
@click.option("--tasks", metavar="A,B,...", help="The tasks, separated by commas (mtl list task).")
@click.option("--encoder", metavar="NAME", help="The encoder (mtl list encoder).")
@click.option("--sharing", metavar="NAME", help="The sharing scheme (mtl list sharing).")
@click.option("--balancer", metavar="NAME", help="The balancer (mtl list balancer).")
@training_options
@seed_option
@assignments_option
@click.option(
    "--space",
    "spaces",
    multiple=True,
    metavar="KEY=VALUES",
    help="What to search: KEY=A,B,... or KEY=LOW..HIGH or KEY=log:LOW..HIGH. May be repeated.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), metavar="N", help="Trials in all [default: 20 without --budget]."
)
@click.option("--budget", metavar="TIME", help="Begin no trial that would end later: 90s, 30m, 2h.")
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="NAME",
    help="A task, mean [default], parameters, multiply-adds or latency. Several: what none beats is kept.",
)
@metric_option
@click.option(
    "--sampler", type=click.Choice(SAMPLERS), default="tpe", show_default=True, help="What draws values."
)
@click.option(
    "--pruner",
    type=click.Choice(PRUNERS),
    default="median",
    show_default=True,
    help="What stops trials that are worse than half of the others.",
)
@device_option
@jobs_option
@executor_option
@click.option("--export", is_flag=True, help="Export and verify the best trial too.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder [default: runs/search-TASKS].")
@click.option("--force", is_flag=True, help="Replace an existing search.")
@click.option("--dry-run", is_flag=True, help=f"Stop at the space: {LOOKS_ONLY}.")
@json_option
@pass_session
def command(
    session: Session,
    /,
    trials: int | None,
    budget: str | None,
    out: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Search for the values of options that are best on validation.

    Each trial is a run folder; hopeless ones are stopped early. The test split is looked at for the best
    trial alone, when a search ends; its recipe is best.yaml. After Ctrl-C, or for more trials, repeat the
    command.

    \b
    Examples:
      mtl search --tasks denoise,classify --space train.learning_rate=log:1e-4..1e-2 --budget 30m
      mtl search --tasks even,third --encoder mlp --epochs 2 --space encoder.hidden=[32],[128] --trials 2
    """
    seconds = None if budget is None else seconds_of(budget)
    with session.importing():
        from ..search.driving import Limits
        from ..search.layout import lay_out
        from ..search.searching import MOST
    from .searching import print_layout, print_search, telling_what_is_kept

    searching = _searching(session, asked)
    layout = lay_out(_question(asked), session.registry)
    path = _place(out, layout)
    limits = Limits(trials or (MOST if seconds is None else None), seconds)
    if dry_run:
        print_layout(layout, limits, searching.hands.device, as_json)
        return
    with telling_what_is_kept(path):
        found = searching.run(layout, path, limits, force=force)
    if as_json:
        print_json({"search": str(path), **found.results})
    else:
        print_search(found, layout)
    found.raise_if_in_vain()


def _place(out: Path | None, layout: Layout) -> Path:
    """Return the search's folder; raise when nothing can be written there."""
    from ..base.places import refuse_unusable
    from ..search.folder import usual_folder

    path = out or usual_folder(Path("runs"), layout.name, layout.plan())
    refuse_unusable(path)
    return path


def _searching(session: Session, asked: Mapping[str, Any]) -> Searching:
    from ..execution.choosing import Hands
    from ..search.searching import Searching
    from .searching import TrialLines

    hands = Hands.chosen(session.registry, asked["executor"], asked["device"], asked["jobs"])
    return Searching(session.registry, hands, TrialLines(), asked["export"], tuple(session.plugin_files))


def seconds_of(text: str) -> float:
    """Return the seconds that a time means; raise `UsageError` for anything else.

    >>> seconds_of("30m"), seconds_of("1.5h"), seconds_of("90s")
    (1800.0, 5400.0, 90.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None or not float(found[1]):
        raise UsageError(f"--budget {text!r} is no time", hint="a number and s, m, h or d: 90s, 30m, 2h")
    return float(found[1]) * _UNITS[found[2]]


def _question(asked: Mapping[str, Any]) -> Question:
    """Return what a command line asks, from its options by name."""
    from ..recipe.request import Request
    from ..search.layout import Question
    from ..search.space import read_space

    request = Request(asked["recipe"], names_in(asked["tasks"]), flags_in(asked), asked["assignments"])
    space = read_space(asked["spaces"])
    metrics = by_task("--metric", "METRIC", asked["metrics"])
    return Question(request, space, asked["objectives"], metrics, asked["sampler"], asked["pruner"])
