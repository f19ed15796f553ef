"""The executor `local`: this process, or several of this machine, each with its share of the cores or a card.

A process that dies fails the job it was at, with a reason that says so, and is replaced. Processes ignore
Ctrl-C: the one that gives them work stops them, and what they leave is gone on with by the next run. Each
ends by itself, so that what its libraries took from the system (a lock of tqdm's, say) is given back.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from typing import Annotated, Any

from pydantic import Field

from ...core.base.cores import available_cores
from ...core.base.device import choose_device
from ...core.contracts import Executor, Job, JobEnding, Seat, Work

_BROKEN = 3
"""The exit status of what a component, or its process, failed at."""

_PATIENCE = 10.0
"""Seconds that a process which was told to end has for it."""


class Local(Executor):
    """Does one job at a time in this process, or `at_once` of them in as many processes.

    Each of these has its share of the cores. With `devices` the first process has the first device, the
    second the second, and so on, in turns; where CUDA was asked for without a number, the devices are all
    cards.
    """

    def __init__(
        self,
        *,
        devices: Annotated[
            tuple[str, ...], Field(description="Devices, one for each process in turn: [cuda:0, cuda:1].")
        ] = (),
    ) -> None:
        self.devices = devices

    def reach(self) -> None:
        """Refuse devices that are not there."""
        for name in self.devices:
            choose_device(name)

    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        devices = self._devices(work)
        at_once = work.at_once or len(devices)
        first = list(islice(jobs, min(at_once, 2)))
        if len(first) < 2:  # a process of its own would gain nothing
            for job in chain(first, jobs):
                yield work.perform(job, Seat(devices[0]))
            return
        threads = max(1, available_cores() // at_once)
        seats = [Seat(devices[place % len(devices)], threads) for place in range(at_once)]
        yield from _in_processes(chain(first, jobs), seats, work.perform)

    def _devices(self, work: Work) -> tuple[str, ...]:
        if self.devices:
            return tuple(str(choose_device(name)) for name in self.devices)
        if work.device == "cuda" and (work.at_once or 1) > 1:
            import torch

            return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
        return (work.device,)


Perform = Callable[[Job, Seat], JobEnding]


def _in_processes(jobs: Iterator[Job], seats: Sequence[Seat], perform: Perform) -> Iterator[JobEnding]:
    """Yield an ending as soon as each job is done; a process is started when there is work for it."""
    with _desks(seats, perform) as desks:
        idle, busy = list(reversed(desks)), dict[Connection, tuple[_Desk, Job]]()
        while True:
            while idle and (job := next(jobs, None)) is not None:
                desk = idle.pop()
                busy[desk.give(job)] = desk, job
            if not busy:
                return
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                desk, job = busy.pop(ready)
                idle.append(desk)
                yield desk.ending(job)


class _Desk:
    """A seat, and the process that works there: started for its first job, and again when it died."""

    def __init__(self, seat: Seat, perform: Perform) -> None:
        self._seat, self._perform = seat, perform
        self._process: Any = None
        self._connection: Connection | None = None
        self._busy = False

    def give(self, job: Job) -> Connection:
        """Have a job done; its ending can be read when the connection is ready."""
        connection = self._connection or self._start()
        with suppress(OSError):  # it died before it had work: reading says so
            connection.send(job)
        self._busy = True
        return connection

    def ending(self, job: Job) -> JobEnding:
        """Return how the job ended that was given last."""
        assert self._connection is not None
        self._busy = False
        try:
            ended: JobEnding = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            reason = f"the process that trained it {how} (perhaps memory was short; try --jobs 1)"
            ended = JobEnding(job.key, reason, _BROKEN)
            self.clear()
        return ended

    def stop(self) -> None:
        """Tell the process to end: one that waits for a job sees that none will come."""
        if self._connection is not None:
            self._connection.close()
            if self._busy:
                self._process.terminate()

    def clear(self) -> None:
        """Wait until the process has ended; one that does not is killed."""
        if self._connection is not None:
            self._process.join(_PATIENCE)
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = self._connection = None

    def _start(self) -> Connection:
        # A fork would copy torch's threads in a state nobody knows; CUDA refuses it altogether.
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_sit, args=(there, self._perform, self._seat), daemon=True)
        with _without_interrupts():
            self._process.start()
        there.close()
        return self._connection


@contextmanager
def _desks(seats: Sequence[Seat], perform: Perform) -> Iterator[list[_Desk]]:
    desks = [_Desk(seat, perform) for seat in seats]
    try:
        yield desks
    finally:
        for desk in desks:
            desk.stop()
        for desk in desks:
            desk.clear()


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


def _sit(connection: Connection, perform: Perform, seat: Seat) -> None:
    """Do jobs as they come, until nobody sends any, or the one at hand is interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _end_with_parent()
    with suppress(EOFError, ConnectionError, KeyboardInterrupt):
        while True:
            connection.send(perform(connection.recv(), seat))
    gc.freeze()  # the system takes it all back at once


def _end_with_parent() -> None:
    """End this process as soon as the one that gives it work is gone, killed too: nobody wants its job."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
