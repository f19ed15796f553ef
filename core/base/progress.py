"""What a training tells while it runs; the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Progress:
    """Receives the events of a run; this one ignores them all."""

    def planned(self, plan: Mapping[str, Any]) -> None:
        """Everything is resolved; `plan` is `Composition.plan()`."""

    def placed(self, path: Path) -> None:
        """The run's folder is made, or found again: from here on everything is kept there."""

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        """Training begins: the number of epochs, the device, and the samples of each split."""

    def labelled(self, labels: Mapping[str, Mapping[str, int]]) -> None:
        """The data is loaded: how many samples of each split have a task's labels, where not all have."""

    def step(self, done: int, total: int) -> None:
        """One more step of the epoch is done."""

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        """An epoch is trained and validated; `row` is its line of the history."""

    def of_seed(self, seed: int) -> Progress:
        """Return what is told of one of several seeds; nothing unless a subclass shows it."""
        return Progress()

    def stage(self, name: str) -> None:
        """A later stage begins: evaluate, export, report."""

    def note(self, text: str) -> None:
        """Something that was decided, and that whoever asked for the job should know."""

    def warning(self, text: str) -> None:
        """Something went wrong that does not stop the job."""

    def stopped(self) -> None:
        """The job is over, finished or not."""
