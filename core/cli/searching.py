"""How a search looks on a terminal: a line per trial on stderr, the table and what is best on stdout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from ..report.numbers import duration
from ..search.driving import Limits
from ..search.layout import Layout
from ..search.objectives import Objective
from ..search.progress import SearchProgress
from ..search.searching import BEST, Search
from ..search.space import Choices, Dimension, Value, shown
from ..search.tables import caveat, counted, trial_rows
from ..search.trials import Trial
from .results import print_metrics, print_table
from .session import print_json

ROWS = 12
"""Trials that are shown on a terminal; the others are on the page."""


class TrialLines(SearchProgress):
    """One line per trial."""

    def __init__(self) -> None:
        self._most: int | None = None

    def about(self, what: str, trials: int) -> None:
        click.echo(f"search for {what}, {trials} trials", err=True)

    def started(self, known: int, most: int | None) -> None:
        self._most = most
        if known:
            made = f"{known} trial{'s were' if known > 1 else ' was'} made before"
            enough = f": --trials {most} asks for no more" if most is not None and known >= most else ""
            click.echo(made + enough, err=True)

    def ended(self, trial: Trial, objectives: Sequence[Objective]) -> None:
        values = ", ".join(f"{key} {shown(value)}" for key, value in trial.values.items())
        scores = ", ".join(
            f"{item.title} {item.shown(score)}" for item, score in zip(objectives, trial.scores, strict=False)
        )
        ends = {
            "finished": scores,
            "pruned": f"pruned after epoch {trial.epochs}, {scores}",
            "failed": f"failed: {trial.reason}",
        }
        of = "" if self._most is None else f" ({trial.number + 1} of {self._most})"
        line = f"trial {trial.number}{of}, {values}: {ends[trial.state]}  ({trial.seconds:.1f} s)"
        click.echo(line, err=True)

    def exhausted(self, count: int) -> None:
        click.echo(f"all {count} combinations were tried", err=True)

    def judging(self, trial: Trial) -> None:
        click.echo(f"trial {trial.number} is evaluated on test ...", err=True)

    def warning(self, text: str) -> None:
        click.echo(f"warning: {text}", err=True)


@contextmanager
def telling_what_is_kept(path: Path) -> Iterator[None]:
    """On Ctrl-C, say that trials are kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if path.is_dir():
            interrupt.add_note(f"trials are kept in {path}; repeat the command to go on")
        raise


def print_layout(layout: Layout, limits: Limits, device: str, as_json: bool) -> None:
    """Write what would be searched, how long, and on which device."""
    if as_json:
        how = {"data": list(layout.looked_at), "trials": limits.trials, "budget_seconds": limits.seconds}
        own = None if layout.own is None else dict(layout.own)
        print_json({**layout.plan(), **how, "device": device, "first": own})
        return
    rows = [[item.key, item.written, _kind(item, layout.own or {})] for item in layout.space]
    print_table(rows, ["option", "values", ""])
    for line in layout.looked_at:
        click.echo(line, err=True)
    for item in layout.objectives:
        click.echo(f"searched for: {item.title} ({item.direction} is better), on validation", err=True)
    click.echo(
        f"{_extent(limits)}, sampler {layout.question.sampler}, {_pruner(layout)}, on {device}", err=True
    )
    first = "are" if layout.own else "do not all lie in the space: they are not"
    click.echo(f"the recipe's own values {first} the first trial", err=True)


def _extent(limits: Limits) -> str:
    """Return how long is searched, in words.

    >>> _extent(Limits(20)), _extent(Limits(1, 90.0)), _extent(Limits(None, 30.0))
    ('20 trials', '1 trial, or what ends within 1 min 30 s', 'what ends within 30.0 s')
    """
    trials = "" if limits.trials is None else f"{limits.trials} trial{'s' * (limits.trials > 1)}"
    time = "" if limits.seconds is None else f"what ends within {duration(limits.seconds)}"
    return ", or ".join(filter(None, [trials, time]))


def _pruner(layout: Layout) -> str:
    said = f"pruner {layout.question.pruner}"
    return said if layout.prunes or layout.question.pruner == "none" else f"{said} (idle: several objectives)"


def _kind(item: Dimension, own: Mapping[str, Value]) -> str:
    """Return what a dimension is, where there is one, and where the search begins, in words."""
    parts = [
        f"one of {len(item.texts)}"
        if isinstance(item, Choices)
        else ("a whole number" if item.whole else "a number") + (", even in the logarithm" * item.log)
    ]
    parts += [f"with {item.only.key} {' or '.join(item.only.texts)}"] if item.only is not None else []
    parts += [f"first {own[item.key]}"] if item.key in own else []
    return ", ".join(parts)


def print_search(found: Search, layout: Layout) -> None:
    """Write the table of trials, and what is best, to stdout."""
    header, rows = trial_rows(found.results, layout.objectives)
    print_table(rows[:ROWS], header)
    if len(rows) > ROWS:
        click.echo(f"and {len(rows) - ROWS} more, in {found.path / 'search.html'}", err=True)
    click.echo(counted(found.results), err=True)
    for trial in found.best:
        click.echo(f"\ntest metrics of trial {trial.number}:")
        print_metrics(found.results["test"][trial.folder_name])
    if found.best:
        click.echo(caveat(found.results), err=True)
        click.echo(f"the recipe is {found.path / BEST}, the page {found.path / 'search.html'}", err=True)
