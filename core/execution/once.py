"""Has each cell trained once, by whoever works in the same folder: this driver's executor, or another's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ..base.leases import Watch
from ..contracts import Job, JobEnding, Work
from ..folders.run_folder import RunFolder
from .cells import is_done
from .choosing import Hands
from .claiming import PAUSE, after, place_of
from .marks import DamagedCell
from .records import read_failure

_OFTEN = 5.0
"""Seconds between two times that is told what runs where."""
_LOOKED_AT = 500
"""Trainings whose claims are read for that: those that come first are at work."""

_THERE = "elsewhere"
"""Where something was done by others."""


@dataclass
class Driver:
    """Hands cells to an executor, and waits for those that another driver's executor is at.

    `tell` gets to know what runs where: the place of each cell, by its title.
    """

    hands: Hands
    work: Work
    watch: Watch = field(default_factory=Watch)
    tell: Callable[[dict[str, str]], None] = lambda places: None
    _told: float = field(default=0.0, init=False)

    def endings(self, jobs: Sequence[Job]) -> Iterator[JobEnding]:
        """Yield how each job ended, once, as soon as that is known; one that others did is `elsewhere`."""
        missing = {job.key: job for job in jobs}
        before = {job.key: _failure(job) for job in jobs}
        while missing:
            ended = False
            for ending in self.hands.endings(self._free(missing, before), self.work):
                if ending.elsewhere:
                    continue
                missing.pop(ending.key)
                ended = True
                yield ending
                self._show(missing)
            for job in list(missing.values()):
                if (found := _found(job, before[job.key])) is not None:
                    missing.pop(job.key)
                    ended = True
                    yield found
            self._show(missing)
            if missing and not ended:
                time.sleep(PAUSE)

    def _free(self, missing: dict[str, Job], before: dict[str, str]) -> Iterator[Job]:
        """Yield the jobs that nobody is at, and nobody has done since, when each is asked for."""
        for job in list(missing.values()):
            if _is_finished(job) or _failure(job) != before[job.key]:
                continue
            abandoned = self.watch.free(place_of(job))
            if abandoned is not None:
                yield after(job, abandoned)
            self._show(missing)

    def _show(self, missing: dict[str, Job]) -> None:
        """Tell what runs where, not too often: a claim is a file to read."""
        now = time.monotonic()
        if now - self._told < _OFTEN:
            return
        self._told = now
        places = (
            (job.title, self.watch.holder(place_of(job))) for job in islice(missing.values(), _LOOKED_AT)
        )
        self.tell({title: place for title, place in places if place is not None})


def _found(job: Job, before: str) -> JobEnding | None:
    """Return how a job ended that others did, None where it did not."""
    if _is_finished(job):
        seconds = RunFolder(place_of(job)).read_metrics()["training"]["seconds"]
        return JobEnding(job.key, seconds=seconds, where=_THERE, elsewhere=True)
    failure = read_failure(place_of(job))
    if failure is None or failure["token"] == before:
        return None
    reason, status = str(failure["reason"]), int(failure["status"])
    return JobEnding(job.key, reason, status, where=_THERE, elsewhere=True)


def _failure(job: Job) -> str:
    """Return what names the last failure of a job; nothing where there is none."""
    failure = read_failure(place_of(job))
    return "" if failure is None else str(failure["token"])


def _is_finished(job: Job) -> bool:
    try:
        return is_done(job)
    except DamagedCell:  # whoever gets it trains it again
        return False
