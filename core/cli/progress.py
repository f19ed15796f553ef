"""Shows a training: a live bar on a terminal, one line per epoch elsewhere; always on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from ..base.files import write_bytes
from ..base.progress import Progress
from ..base.workplace import replaced
from ..recipe.seed_list import SEEDS
from ..running.pipeline import Outcome
from ..running.seeds import SeedsOutcome
from .asked import LOUDNESS
from .plan import describe_plan
from .results import describe_verification, print_metrics, print_spread, tell_shortfalls
from .session import print_json

PLACE_FILE = "MTL_PLACE_FILE"
"""The variable with the file in which who started this process finds the folder of its run."""


def losses_of(row: Mapping[str, float], split: str) -> str:
    """Return the losses of one split in a history row as text: `classify 0.123  denoise 0.004`."""
    found = [
        (key.split("/")[1], value)
        for key, value in row.items()
        if key.startswith(f"{split}/") and key.endswith("/loss")
    ]
    return "  ".join(f"{task} {value:.4g}" for task, value in found)


class LineProgress(Progress):
    """One line per event, for logs."""

    quiet = False

    def __init__(self) -> None:
        self._epochs = 0
        self.place: Path | None = None

    def placed(self, path: Path) -> None:
        self.place = path
        if file := os.environ.get(PLACE_FILE):
            write_bytes(Path(file), os.fsencode(path))

    def planned(self, plan: Mapping[str, Any]) -> None:
        click.echo(describe_plan(plan), err=True)

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        self._epochs = epochs
        shown = ", ".join(f"{count} {name}" for name, count in samples.items())
        click.echo(f"training on {device}: {shown}", err=True)

    def labelled(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        for task, counts in labels.items():
            shown = ", ".join(f"{count:,} {split}" for split, count in counts.items())
            click.echo(f"labels of {task}: {shown}", err=True)

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        click.echo(
            f"epoch {epoch}/{self._epochs}  train: {losses_of(row, 'train')}"
            f"  validation: {losses_of(row, 'validation')}  {row['seconds']:.1f} s{'  best' if best else ''}",
            err=True,
        )

    def of_seed(self, seed: int) -> Progress:
        return SeedProgress(seed, self._epochs)

    def stage(self, name: str) -> None:
        click.echo(f"{name} ...", err=True)

    def note(self, text: str) -> None:
        click.echo(text, err=True)

    def warning(self, text: str) -> None:
        click.echo(f"warning: {text}", err=True)


class QuietProgress(LineProgress):
    """Warnings alone."""

    quiet = True

    def planned(self, plan: Mapping[str, Any]) -> None:
        pass

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        pass

    def labelled(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        pass

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        pass

    def of_seed(self, seed: int) -> Progress:
        return Progress()

    def stage(self, name: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class VerboseProgress(LineProgress):
    """Every number of an epoch below its line."""

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        super().epoch(epoch, row, best)
        for key, value in row.items():
            if key not in ("epoch", "seconds"):
                click.echo(f"    {key}  {value:.6g}", err=True)


class SeedProgress(Progress):
    """One line per epoch of one seed among several."""

    def __init__(self, seed: int, epochs: int) -> None:
        self._seed = seed
        self._epochs = epochs

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        click.echo(
            f"seed {self._seed}  epoch {epoch}/{self._epochs}  validation: {losses_of(row, 'validation')}"
            f"{'  best' if best else ''}",
            err=True,
        )

    def warning(self, text: str) -> None:
        click.echo(f"warning: seed {self._seed}: {text}", err=True)


class BarProgress(LineProgress):
    """A live bar over the epoch's steps; the lines of epochs that are done stay above it."""

    def __init__(self) -> None:
        super().__init__()
        console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=max(4, min(30, console.width - 36))),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._row: TaskID | None = None

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        super().started(epochs, device, samples)
        self._row = self._bar.add_task("", epoch=f"1/{epochs}", total=None)
        self._bar.start()

    def step(self, done: int, total: int) -> None:
        if self._row is not None:
            self._bar.update(self._row, completed=done, total=total)

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        super().epoch(epoch, row, best)
        if self._row is not None:
            shown = f"{min(epoch + 1, self._epochs)}/{self._epochs}"
            self._bar.update(self._row, completed=0, epoch=shown)

    def stage(self, name: str) -> None:
        self._bar.stop()
        super().stage(name)

    def stopped(self) -> None:
        self._bar.stop()


def choose_progress(loudness: str | None = None) -> LineProgress:
    """Return the bar on a terminal, lines elsewhere; or what was asked for, `quiet` or `verbose`.

    None: what the command that runs was given, `-q` or `-v`.
    """
    if loudness is None and (context := click.get_current_context(silent=True)) is not None:
        loudness = context.meta.get(LOUDNESS)
    if loudness is not None:
        return QuietProgress() if loudness == "quiet" else VerboseProgress()
    return BarProgress() if sys.stderr.isatty() else LineProgress()


def finish_run(
    progress: LineProgress,
    as_json: bool,
    job: Callable[[], Outcome],
    told: Mapping[str, Any] | None = None,
    name: str = "extension",
) -> None:
    """Do a training job and report its outcome; on Ctrl-C say what is kept and how to go on.

    `told` is what the job finds out about the tasks of the run that it begins with, under `name` in JSON.
    """
    with _told(progress):
        outcome = job()
    if as_json:
        print_json(
            {
                "run": str(outcome.folder.path),
                "metrics": outcome.metrics,
                "export": {
                    "files": [str(file) for file in outcome.export.files],
                    "verification": outcome.export.verification,
                },
                **({name: dict(told)} if told else {}),
            }
        )
        return
    print_metrics(outcome.metrics["test"], outcome.metrics["baseline"])
    tell_shortfalls(outcome.metrics)
    if progress.quiet:
        return
    model = outcome.export.files[0]
    click.echo(f"\n{model} is {describe_verification(outcome.export.verification)}", err=True)
    click.echo(f"test split above, everything else in {outcome.folder.path / 'report.html'}", err=True)


def finish_seeds(progress: LineProgress, as_json: bool, job: Callable[[], SeedsOutcome]) -> None:
    """Do the training of several seeds and report mean and spread."""
    with _told(progress):
        outcome = job()
    if as_json:
        print_json({"run": str(outcome.path), "metrics": outcome.metrics})
        return
    print_spread(outcome.metrics)
    for task, seeds in outcome.metrics["below_baseline"].items():
        listed = ", ".join(map(str, seeds))
        click.echo(f"warning: task {task!r} does not beat its baseline with seed {listed}", err=True)
    click.echo(f"\ntest split above, everything else in {outcome.path / 'report.html'}", err=True)


@contextmanager
def _told(progress: LineProgress) -> Iterator[None]:
    """Say what is kept when a job is interrupted or fails, and let the progress end."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if (path := progress.place) is not None:
            if (path / "checkpoint" / "manifest.json").is_file() or (path / SEEDS).is_file():
                interrupt.add_note(f"{path} is readable; go on with: mtl resume {path}")
            else:
                interrupt.add_note(f"no epoch was finished; start again with --out {path} --force")
        raise
    except Exception:
        if progress.place is not None and (kept := replaced(progress.place)).exists():
            click.echo(f"the run that was to be replaced is kept in {kept}", err=True)
        raise
    finally:
        progress.stopped()
