"""Checks of executors: every job is done and ends once, and none is taken before there is a place for it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..base.errors import MissingRequirementError
from ..contracts import Executor, Job, JobEnding, Seat, Work
from .checks import CheckSkipped, check, require
from .subjects import Subject

_FAILS = "fails"
JOBS = tuple(Job(f"{number:064x}", f"job {number}", {_FAILS: number == 1}) for number in range(4))


def perform(job: Job, seat: Seat) -> JobEnding:
    """Do nothing, or fail, as the job says."""
    return JobEnding(job.key, "as it was told" if job.content[_FAILS] else None, 3 * job.content[_FAILS])


@check("executor")
def check_each_job_ends_once(subject: Subject) -> None:
    """Every job is done and its ending yielded once; one that fails does not keep others from being done."""
    with _work() as work:
        found = list(_built(subject, iter(JOBS), work))
    expected = {job.key: perform(job, Seat("cpu")) for job in JOBS}
    require(
        sorted(ending.key for ending in found) == sorted(expected)
        and all(ending.reason == expected[ending.key].reason for ending in found),
        "the ending of each of four jobs, of which one fails",
        ", ".join(f"{int(ending.key, 16)}: {ending.reason or 'done'}" for ending in found) or "none",
        "yield what `work.perform` returned, for each job once",
    )


@check("executor")
def check_jobs_are_taken_when_there_is_a_place(subject: Subject) -> None:
    """With one place, the next job is asked for after the one before has ended, which it may depend on."""
    taken: list[int] = []

    def asked() -> Iterator[Job]:
        for number, job in enumerate(JOBS):
            taken.append(number)
            yield job

    with _work() as work:
        endings = iter(_built(subject, asked(), work))
        next(endings, None)
        early = len(taken)
        for _ in endings:
            pass
    require(
        early <= 2,
        "one job taken, or two, when the first one ends",
        f"{early} taken",
        "take a job from the iterator when one of `work.at_once` places is free",
    )


@check("executor")
def check_nothing_to_do_ends(subject: Subject) -> None:
    """Where there is no job, there is no ending."""
    with _work() as work:
        found = list(_built(subject, iter(()), work))
    require(not found, "no ending", f"{len(found)}", "yield endings of jobs that were given")


def _built(subject: Subject, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
    """Let it execute, here where its cluster may be missing."""
    try:
        executor: Executor = subject.build()
        yield from executor.execute(jobs, work)
    except MissingRequirementError as missing:
        raise CheckSkipped(missing.message) from None


@contextlib.contextmanager
def _work() -> Iterator[Work]:
    with tempfile.TemporaryDirectory(prefix="mtl-executor-") as temporary:
        yield Work(perform, "cpu", Path(temporary).resolve(), at_once=1)
