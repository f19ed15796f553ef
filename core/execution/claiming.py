"""Does work under a claim on its place, so that of all who come one does it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from ..base.device import choose_device
from ..base.files import remove
from ..base.leases import BEAT, Lease, Watch, claim
from ..base.locks import LOCK
from ..contracts import Job, JobEnding, Seat
from .records import where_on
from .training import reason_of

PAUSE = 0.5
"""Seconds between two looks at what others do."""

Attempt = Callable[[Job, Lease, str], JobEnding]
"""Does a job under a lease, at a place as people call it."""


def place_of(job: Job) -> Path:
    """Return the run folder that a job is to fill."""
    return Path(job.content["path"])


def after(job: Job, abandoned: int) -> Job:
    """Return a job whose last claim, of that number, is known to be abandoned."""
    return replace(job, content={**job.content, "abandoned": abandoned})


def attempted(job: Job, seat: Seat, attempt: Attempt, beat: float) -> JobEnding:
    """Return how a job ended that was claimed and done; where somebody else has claimed it, nothing is done.

    What goes wrong is in the ending; only an interruption is raised. `beat` is that of the claim, in seconds.
    """
    if seat.threads is not None:
        torch.set_num_threads(seat.threads)
    started, where = time.perf_counter(), ""
    try:
        where = where_on(str(choose_device(seat.device)))
        lease = _claimed(place_of(job), where, job.content["abandoned"], beat)
        if lease is None:
            ending = JobEnding(job.key, elsewhere=True)
        else:
            with ExitStack() as otherwise:
                otherwise.callback(lease.leave)
                ending = attempt(job, lease, where)
                if ending.reason is None and not lease.lost:
                    otherwise.pop_all()
                    lease.finish()
    except Exception as error:  # a disk that is full: it becomes a row that says so
        reason, status = reason_of(error)
        ending = JobEnding(job.key, reason, status)
    return replace(ending, seconds=time.perf_counter() - started, where=where)


def done_once(
    place: Path, where: str, is_done: Callable[[], bool], do: Callable[[], None], watch: Watch
) -> None:
    """Return when something is done: by this process, or by whoever has claimed its place."""
    while not is_done():
        abandoned = watch.free(place)
        lease = None if abandoned is None else _claimed(place, where, abandoned, BEAT)
        if lease is None:
            time.sleep(PAUSE)
            continue
        with ExitStack() as otherwise:
            otherwise.callback(lease.leave)
            if not is_done():
                do()
            otherwise.pop_all()
            lease.finish()


def _claimed(place: Path, where: str, abandoned: int, beat: float) -> Lease | None:
    """Claim a run folder; who was at work there and may still live finds that it is his no more."""
    lease = claim(place, where, abandoned=abandoned, beat=beat)
    if lease is not None and abandoned >= 0:
        remove(place / LOCK)
    return lease
