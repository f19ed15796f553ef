"""The contract of an executor: it has many independent jobs done, on this machine or on others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One piece of work: the address of its content, its name for people, and what it is, as plain values.

    Doing a job twice does no harm: who does it finds out whether it was done before.
    """

    key: str
    title: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Seat:
    """Where a job is done: a device as `--device` names it, and the threads it may compute with.

    None: as many as the process has.
    """

    device: str
    threads: int | None = None


@dataclass(frozen=True)
class JobEnding:
    """How a job ended: why it failed (None: it did not) with the exit status, warnings, seconds, and where.

    `elsewhere`: nothing was done here, for somebody else is at it, or has done it.
    """

    key: str
    reason: str | None = None
    status: int = 0
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    where: str = ""
    elsewhere: bool = False


@dataclass(frozen=True)
class Work:
    """What all jobs have in common.

    `perform` does one of them. It can be pickled, raises nothing but an interrupt, and needs the package and
    its plugins where it is called. `device` is what was asked for: without a number an executor may give
    each of its places a card of its own. `at_once` is how many jobs shall be done at a time; None: as the
    executor likes. `folder` is seen by all machines; the executor's own files go into `folder / "executor"`,
    which it makes when it needs it.
    """

    perform: Callable[[Job, Seat], JobEnding]
    device: str
    folder: Path
    at_once: int | None = None


class Executor(ABC):
    """Constructed with options only, which contacts nobody; one that lacks its package is refused there."""

    elsewhere: bool = False
    """Whether jobs are done on other machines: which devices there are is then not asked here."""

    def reach(self) -> None:  # noqa: B027 - may be left out
        """Raise `MissingRequirementError` where whoever does the work is not there: asked before all else."""

    @abstractmethod
    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        """Have every job done, and yield how it ended as soon as that is known, in whatever order.

        The next job is taken when there is a place for it, for what comes later may depend on what has
        ended. A job whose process or machine is lost is done again, or ends with a reason: no other one
        suffers. Closing the iterator stops what is under way. Raises `MissingRequirementError` where whoever
        does the work cannot be reached.
        """
