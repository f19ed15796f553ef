"""Cells by an executor: each is a job, and whoever gets it claims the cell as any other process does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from mtl.core.base.errors import MtlError
from mtl.core.contracts import Job, JobEnding, Seat, Work
from mtl.core.discovery.registry import installed
from mtl.core.execution.choosing import Hands
from mtl.core.execution.records import where_on
from mtl.core.execution.training import reason_of

from .plan import Plan, find_cell, read_plan
from .store import Results
from .training import Trainer
from .work import Worker


@dataclass(frozen=True)
class TrainsCells:
    """Trains a cell of a plan, by its name or file, where a job is done; its entry is what is kept."""

    plan: str
    results: Path
    runs: Path
    data_dir: Path | None = None

    def __call__(self, job: Job, seat: Seat) -> JobEnding:
        """Train a cell, unless another process has claimed or done it."""
        began, reason, status, done = time.perf_counter(), None, 0, False
        try:
            plan = read_plan(self.plan)
            done = self._worker(plan, seat).train_claimed(find_cell(plan, job.key))
        except Exception as error:  # what would fail every cell: the driver says so
            reason, status = reason_of(error)
        took = time.perf_counter() - began
        elsewhere = not done and reason is None
        return JobEnding(job.key, reason, status, (), took, where_on(seat.device), elsewhere)

    def _worker(self, plan: Plan, seat: Seat) -> Worker:
        trainer = Trainer(plan, installed(), self.runs, self.data_dir, torch.device(seat.device))
        return Worker(Results(self.results, plan), trainer)


class _RefusedError(MtlError):
    """A job ended with a reason that is no cell's: no data, a full disk, a process that was lost."""

    def __init__(self, ending: JobEnding) -> None:
        super().__init__(f"{ending.key}: {ending.reason}", hint="the same command goes on")
        self.status = ending.status


@dataclass(frozen=True)
class Handing:
    """Hands what is missing to an executor; `worker` knows what that is."""

    worker: Worker
    perform: TrainsCells
    hands: Hands

    def run(self, most: int | None = None) -> None:
        """Have at most so many cells trained; raise the first reason for which none can be."""
        work = Work(self.perform, self.hands.device, self.perform.runs.absolute(), self.hands.at_once)
        given: set[str] = set()
        while True:
            before = len(given)
            for ending in self.hands.endings(self._jobs(given, most), work):
                if ending.reason is not None:
                    raise _RefusedError(ending)
                if not ending.elsewhere:
                    self.worker.took(find_cell(self.worker.results.plan, ending.key), ending.seconds)
                    self.worker.say(f"{ending.key} {ending.seconds:.1f} s on {ending.where}")
            # A row's rate is known when its search is over, so there may be more now.
            if len(given) == before:
                return

    def _jobs(self, given: set[str], most: int | None) -> Iterator[Job]:
        while (most is None or len(given) < most) and (cell := self.worker.next_beside(given)) is not None:
            given.add(cell.name)
            yield Job(cell.name, cell.name, {})
