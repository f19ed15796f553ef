"""Trains cells in several processes, each with its share of the cores.

A process that dies fails the cell it was at, with a row that says so, and is replaced. Processes ignore
Ctrl-C: the one that gives them work stops them, and what they leave is gone on with by the next run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..base.cores import available_cores
from ..base.errors import ComponentError
from ..base.progress import Progress
from ..discovery.registry import Registry, discover
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..running.pipeline import Pipeline
from .cells import Cell
from .training import reason_of, train


class Job(NamedTuple):
    """A cell to train: its key, its recipe as plain values, and the folder its run is to be in."""

    key: str
    recipe: dict[str, Any]
    path: Path


class Ending(NamedTuple):
    """How a job ended: why it failed (None: it did not) with the exit status, warnings and seconds."""

    key: str
    reason: str | None
    status: int
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Setting:
    """What all processes have in common."""

    device: str
    publishes: bool
    threads: int
    plugin_files: tuple[Path, ...]


class Warnings(Progress):
    """Remembers warnings, and nothing else of a run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


def train_in_processes(jobs: Iterable[Job], processes: int, setting: Setting) -> Iterator[Ending]:
    """Yield an ending as soon as each job is done, in whatever order that is."""
    waiting = list(jobs)
    with _workers(min(processes, len(waiting)), setting) as workers:
        at_work: dict[Connection, tuple[_Worker, Job]] = {}
        idle = list(workers)
        while waiting or at_work:
            while idle and waiting:
                worker, job = idle.pop(), waiting.pop(0)
                with suppress(OSError):  # it died before it had work: reading says so
                    worker.connection.send(job)
                at_work[worker.connection] = worker, job
            for ready in wait(list(at_work)):
                assert isinstance(ready, Connection)
                worker, job = at_work.pop(ready)
                try:
                    ending: Ending = ready.recv()
                except (EOFError, OSError):
                    ending = worker.last_words(job)
                    workers.remove(worker)
                    worker = _Worker.start(setting)
                    workers.append(worker)
                idle.append(worker)
                yield ending


def share_of_cores(processes: int) -> int:
    """Return how many threads each of so many processes may have."""
    return max(1, available_cores() // processes)


@dataclass(frozen=True)
class _Worker:
    process: Any
    connection: Connection

    @classmethod
    def start(cls, setting: Setting) -> _Worker:
        # A fork would copy torch's threads in a state nobody knows; CUDA refuses it altogether.
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(there, setting), daemon=True)
        with _without_interrupts():
            process.start()
        there.close()
        return cls(process, here)

    def last_words(self, job: Job) -> Ending:
        self.process.join()
        code = self.process.exitcode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        error = ComponentError(
            f"the process that trained it {how}", hint="perhaps memory was short; try --jobs 1"
        )
        reason, status = reason_of(error)
        return Ending(job.key, reason, status)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a process that is started here be born deaf to Ctrl-C: it cannot be deaf soon enough by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _workers(count: int, setting: Setting) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        workers += [_Worker.start(setting) for _ in range(count)]
        yield workers
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.connection.close()


def _work(connection: Connection, setting: Setting) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(setting.threads)
    _end_with_parent()
    registry = discover(setting.plugin_files)
    with suppress(EOFError, BrokenPipeError):
        while True:
            job: Job = connection.recv()
            connection.send(attempt(job, registry, torch.device(setting.device), setting.publishes))


def _end_with_parent() -> None:
    """End this process as soon as the one that gives it work is gone, killed too: nobody wants its cell."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def attempt(job: Job, registry: Registry, device: torch.device, publishes: bool) -> Ending:
    """Train a cell; what goes wrong in it is in the ending, and only an interruption is raised."""
    told, started = Warnings(), time.perf_counter()
    reason, status = None, 0
    try:
        recipe = read(RecipeSource(job.recipe), registry)
        train(Pipeline(registry, device, told, publishes), recipe, job.path)
    except Exception as error:  # a plugin may fail in any way: it becomes a row that says so
        reason, status = reason_of(error)
    return Ending(job.key, reason, status, tuple(told.texts), time.perf_counter() - started)


def jobs_of(cells: Sequence[Cell], place: Callable[[Cell], Path]) -> list[Job]:
    """Return the jobs of cells; `place` says where the run of one is to be."""
    return [Job(cell.key, cell.recipe.to_plain(), place(cell)) for cell in cells]
