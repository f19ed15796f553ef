"""The work: which cell is next, who has claimed it, and when to stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mtl.core.base.errors import UsageError
from mtl.core.base.files import make_folder
from mtl.core.base.locks import is_held, take_lock

from .plan import Cell, Plan, cells_of
from .store import Entry, Results
from .training import Trainer

CLAIMS = "claims"


@dataclass
class Worker:
    """Trains what is missing, one cell after the other; several processes with the same `runs` share it.

    `until` is a time of the clock (`time.time`): no cell is begun that would end after it, as long as the
    longest one of its row took, or of all rows.
    """

    results: Results
    trainer: Trainer
    seeds: int | None = None
    until: float | None = None
    _took: dict[str, float] = field(default_factory=dict, init=False)

    def run(self, most: int | None = None) -> int:
        """Train at most so many cells and return how many were trained."""
        done = 0
        while (most is None or done < most) and (cell := self.next_beside(())) is not None:
            done += self.train_claimed(cell)
        return done

    def train_claimed(self, cell: Cell) -> bool:
        """Claim a cell and train it; return whether it was this process that did."""
        with self._claimed(cell) as mine:
            if not mine or self.results.has(cell):
                return False
            self._train(cell)
        return True

    def missing(self) -> tuple[int, int]:
        """Return how many cells are not done, and how many of these another process has claimed."""
        cells = list(self._open())
        return len(cells), sum(is_held(self._claim(cell)) for cell in cells)

    def next_beside(self, given: Collection[str]) -> Cell | None:
        """Return the first cell to begin: not done nor `given`, that nobody is at, and whose rate is known.

        None where there is none, or it would not end in time.
        """
        able = (cell for cell in self._open() if cell.name not in given and self._rate(cell) is not None)
        cell = next((cell for cell in able if not is_held(self._claim(cell))), None)
        if cell is not None and self._too_late(cell):
            self.say(f"{cell.name} would not end in time: stopped before it")
            return None
        return cell

    def _open(self) -> Iterator[Cell]:
        """Return the cells that are not done, as far as is known which are wanted."""
        for cell in cells_of(self.results.plan, self.seeds):
            if not self.results.has(cell) and self.results.wants(cell):
                yield cell

    def _rate(self, cell: Cell) -> float | None:
        return self.results.chosen_rate(cell.method) if cell.rate is None else cell.rate

    def _train(self, cell: Cell) -> None:
        rate = self._rate(cell)
        assert rate is not None
        self._refuse_other_recipe(cell)
        started = time.perf_counter()
        entry = self.trainer.train(cell, rate)
        self.results.write(cell, entry)
        seconds = time.perf_counter() - started
        self.took(cell, seconds)
        self.say(f"{cell.name} {seconds:.1f} s {_shown(self.results.plan, entry)}")

    def took(self, cell: Cell, seconds: float) -> None:
        """Remember how long a cell took: others like it are begun when they would end in time."""
        self._took[_kind(cell)] = max(seconds, self._took.get(_kind(cell), 0.0))

    def _refuse_other_recipe(self, cell: Cell) -> None:
        """Hold the row's first cell against today's recipe: one row is one recipe."""
        first = next((known for known in self._of_row(cell) if self.results.has(known)), None)
        kept = None if first is None else self.results.read(first)
        if first is not None and kept is not None:
            self.trainer.refuse_other_recipe(first, kept)

    def _of_row(self, cell: Cell) -> Iterator[Cell]:
        cells = cells_of(self.results.plan)
        return (known for known in cells if known.method == cell.method and known.rate is None)

    def _too_late(self, cell: Cell) -> bool:
        longest = max(self._took.values(), default=0.0)
        return self.until is not None and time.time() + self._took.get(_kind(cell), longest) > self.until

    def _claim(self, cell: Cell) -> Path:
        return self.trainer.runs / CLAIMS / cell.name

    @contextmanager
    def _claimed(self, cell: Cell) -> Iterator[bool]:
        """Keep others from a cell; yield whether nobody else was faster."""
        folder = self._claim(cell)
        make_folder(folder)
        try:
            lock = take_lock(folder)
        except UsageError:
            if not is_held(folder):
                raise
            yield False
            return
        try:
            yield True
        finally:
            lock.release()  # the folder stays: another process may be about to claim it

    def say(self, text: str) -> None:
        """Tell people, with the time."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _kind(cell: Cell) -> str:
    return f"{cell.method.name}{'' if cell.rate is None else ', search'}"


def _shown(plan: Plan, entry: Entry) -> str:
    """Return what a cell reached on validation; what it reached on test is for the page alone."""
    if entry.status == "failed":
        return f"failed: {entry.reason}"
    found = ((task, values[plan.judged_by[task]]) for task, values in entry.validation.items())
    shown = " ".join(f"{task} {'-' if value is None else format(value, '.4g')}" for task, value in found)
    return f"on validation {shown}"
