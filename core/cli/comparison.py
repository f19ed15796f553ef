"""How a comparison looks on a terminal: its progress on stderr, its table and verdicts on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from ..comparison.cells import Cell
from ..comparison.comparison import Comparison
from ..comparison.grid import Grid, Variant
from ..comparison.power import power_of
from ..comparison.progress import ComparisonProgress
from ..comparison.summary import found_note, selection_note, summary_rows, table_note
from ..report.numbers import ABSENT, duration
from .results import print_table
from .session import print_json

_EVERY = 60.0
"""Seconds between two lines that say what is trained where."""
_SHOWN = 8
"""Trainings that such a line names."""


class CellLines(ComparisonProgress):
    """One line per cell, with what is left."""

    def __init__(self) -> None:
        self._total = self._done = self._known = self._own = 0
        self._start = time.perf_counter()
        self._told = -_EVERY

    def started(self, total: int, finished: int, adopted: int) -> None:
        self._total, self._done, self._known = total, finished + adopted, finished + adopted
        self._start = time.perf_counter()
        found = [f"{finished} finished before"] if finished else []
        found += [f"{adopted} taken from comparisons beside it"] if adopted else []
        self._say(f"{total} trainings" + (f": {', '.join(found)}" if found else ""))

    def planned(self, text: str) -> None:
        self._say(text)

    def trained(self, cell: Cell, seconds: float, metrics: Mapping[str, float | None]) -> None:
        self._step_here(f"{_named(cell)}: {_shown(metrics)}", f"{seconds:.1f} s")

    def trained_elsewhere(self, cell: Cell, seconds: float, metrics: Mapping[str, float | None]) -> None:
        self._step(f"{_named(cell)}: {_shown(metrics)}", f"elsewhere, {seconds:.1f} s")

    def failed(self, cell: Cell, reason: str) -> None:
        self._step_here(f"{_named(cell)}: failed: {reason}", "")

    def failed_elsewhere(self, cell: Cell, reason: str) -> None:
        self._step(f"{_named(cell)}: failed: {reason}", "elsewhere")

    def at_work(self, places: Mapping[str, str]) -> None:
        now = time.perf_counter()
        if len(places) > 1 and now - self._told >= _EVERY:
            self._told = now
            shown = "; ".join(f"{title} on {place}" for title, place in list(places.items())[:_SHOWN])
            more = f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            self._say(f"at work{self._pace()}: {shown}{more}")

    def warning(self, text: str) -> None:
        self._say(f"warning: {text}")

    def _pace(self) -> str:
        """Say how many trainings end in a minute, where some have."""
        minutes = (time.perf_counter() - self._start) / 60
        done = self._done - self._known
        return f", {done / minutes:.1f} trainings a minute" if done else ""

    def _step_here(self, text: str, time_taken: str) -> None:
        """Say that a cell has ended here, and what is left at the pace of this driver alone."""
        self._own += 1
        left = (time.perf_counter() - self._start) / self._own * (self._total - self._done - 1)
        times = ", ".join(filter(None, [time_taken, f"about {duration(left)} left" if left else ""]))
        self._step(text, times)

    def _step(self, text: str, times: str) -> None:
        self._done += 1
        self._say(f"[{self._done}/{self._total}] {text}" + (f"  ({times})" if times else ""))

    def _say(self, text: str) -> None:
        click.echo(text, err=True)


class CellBar(CellLines):
    """The same lines above a bar over the cells."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        self._bar = RichProgress(
            TextColumn("trainings"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[places]}"),
            console=self._console,
            transient=True,
        )
        self._row: TaskID | None = None

    def started(self, total: int, finished: int, adopted: int) -> None:
        super().started(total, finished, adopted)
        self._row = self._bar.add_task("", total=total, completed=self._done, places="")
        self._bar.start()

    def stopped(self) -> None:
        self._bar.stop()

    def at_work(self, places: Mapping[str, str]) -> None:
        if self._row is not None:
            shown = ", ".join(sorted(set(places.values()))[:_SHOWN]) if len(places) > 1 else ""
            self._bar.update(self._row, places=f"{self._pace().removeprefix(', ')}  {shown}".strip())

    def _step(self, text: str, times: str) -> None:
        super()._step(text, times)
        if self._row is not None:
            self._bar.update(self._row, completed=self._done)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def _named(cell: Cell) -> str:
    return f"{cell.title}, seed {cell.seed}"


def _shown(metrics: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{task} {'not finite' if value is None else f'{value:.4f}'}" for task, value in metrics.items()
    )


def choose_comparison_progress() -> CellLines:
    """Return the bar on a terminal, lines elsewhere."""
    return CellBar() if sys.stderr.isatty() else CellLines()


@contextmanager
def telling_what_is_kept(progress: ComparisonProgress, path: Path) -> Iterator[None]:
    """On Ctrl-C, say that the finished cells are kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        progress.stopped()
        if path.is_dir():
            done = len(list(path.glob("cells/*/cell.json")))
            interrupt.add_note(f"finished trainings, kept in {path}: {done}; repeat the command to go on")
        raise
    finally:
        progress.stopped()


def print_grid(grid: Grid, as_json: bool, planned: int) -> None:
    """Write what would be trained, where so many seeds are planned."""
    cells = grid.cells
    alone = sum(cell.task is not None for cell in cells)
    if as_json:
        print_json(
            {
                "data": list(grid.looked_at),
                "tasks": {name: yardstick.to_json() for name, yardstick in grid.yardsticks.items()},
                "seeds": list(grid.seeds),
                "variants": [_planned(variant) for variant in grid.variants],
                "trainings": len(cells),
                "single_task_trainings": alone,
                "power": power_of(grid, planned).to_json(),
            }
        )
        return
    rows = []
    for variant in grid.variants:
        counts = [variant.parameters.get("total"), sum(variant.parameters_alone.values()) or None]
        shown = [ABSENT if count is None else f"{count:,}" for count in counts]
        rows.append([variant.name, *shown, variant.reason or ""])
    print_table(rows, ["variant", "parameters", "single-task", ""])
    judged = [
        f"{name} by {yardstick.metric} ({yardstick.direction})" for name, yardstick in grid.yardsticks.items()
    ]
    seeds = ", ".join(map(str, grid.seeds))
    click.echo("\n".join(["", *grid.looked_at]), err=True)
    click.echo(f"judged on the test split: {', '.join(judged)}", err=True)
    click.echo(
        f"{len(cells)} trainings: {len(cells) - alone} cells and {alone} single-task, seeds {seeds}", err=True
    )
    click.echo(power_of(grid, planned).sentence(), err=True)


def _planned(variant: Variant) -> dict[str, Any]:
    return {
        "name": variant.name,
        "settings": dict(variant.settings),
        "parameters": dict(variant.parameters) or None,
        "parameters_alone": dict(variant.parameters_alone) or None,
        "trainable": variant.cell is not None,
        "reason": variant.reason,
    }


def print_comparison(comparison: Comparison) -> None:
    """Write the table and the verdicts to stdout: plain when piped."""
    results = comparison.results
    header, rows = summary_rows(results)
    if sys.stdout.isatty():
        table = Table(*map(escape, header))  # a list in a variant's name is no markup
        for row in rows:
            table.add_row(*map(escape, row))
        Console().print(table)
    else:
        print_table(rows, header)
    click.echo("")
    for sentence in comparison.verdicts:
        click.echo(sentence)
    for line in [*_caveats(results), *(f"note: {note}" for note in results["notes"])]:
        click.echo(line, err=True)
    click.echo(f"everything else is in {comparison.path / 'report.html'}", err=True)


def print_ranking(path: Path, found: Mapping[str, Any]) -> None:
    """Write ranks by data set, the best method first, and what follows, to stdout."""
    order = sorted(found["methods"], key=lambda name: found["mean_ranks"][name])
    place = [found["methods"].index(name) for name in order]
    rows = [
        [data, *(f"{row[at]:g}" for at in place)]
        for data, row in zip(found["data_sets"], found["ranks"], strict=True)
    ]
    rows.append(["mean rank", *(f"{found['mean_ranks'][name]:.2f}" for name in order)])
    print_table(rows, ["", *order])
    click.echo("")
    for sentence in found["verdicts"]:
        click.echo(sentence)
    click.echo(f"the diagram is in {path / 'ranks.svg'}", err=True)


def _caveats(results: Mapping[str, Any]) -> list[str]:
    method = results["method"]
    if not method["enough_seeds"]:
        seeds = f"{len(results['seeds'])} seed{'s' if len(results['seeds']) != 1 else ''}"
        least = f"{method['minimum_seeds']} are the least, 5 or more are better"
        return [f"nothing can be concluded from {seeds}: {least}"]
    return [text for text in (table_note(results), found_note(results), selection_note(results)) if text]
