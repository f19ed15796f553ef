"""Many trials in few processes: thousands a minute, and one that kills or hangs its process is found."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .children import Child
from .costs import Largest, Meter, excess, is_refusal
from .row import Findings

_TOGETHER = 100


@dataclass(frozen=True)
class Trial:
    """A trial: its name, and what it does; that returns the outcome, and which promise was broken if any."""

    name: str
    act: Callable[[], tuple[str, str | None]]


@dataclass(frozen=True)
class Said:
    """What a command line of mtl answered in this process."""

    status: int
    output: str
    errors: str

    def fault(self, allowed: Sequence[int]) -> str | None:
        """Return what a user must never see, or None."""
        if self.status in allowed and "Traceback" not in self.errors and "internal" not in self.errors:
            return None
        return f"status {self.status}: {' | '.join(self.errors.strip().splitlines())[-300:]}"


class TooSlow(BaseException):
    """Raised in a trial that has had its share of the processor."""


def try_all(
    trials: Sequence[Trial], found: Findings, child: Child | None = None, *, seconds: int = 30
) -> None:
    """Make the trials in forked processes, each within so many seconds of processor time.

    What a refusal costs is measured; one that costs too much is a broken promise.
    """
    child = replace(child or Child(), seconds=_TOGETHER * seconds)
    found.largest = found.largest or Largest()
    position = 0
    while position < len(trials):
        batch = trials[position : position + _TOGETHER]
        with tempfile.TemporaryFile() as results:
            done = child.call(lambda: _work(batch, results.fileno(), seconds))  # noqa: B023
            results.seek(0)
            lines = results.read().splitlines()
        for trial, line in zip(batch, lines, strict=False):
            outcome, broken, mebibytes, took = json.loads(line)
            if is_refusal(outcome) and not broken:
                found.largest.note(trial.name, mebibytes, took)
                broken = excess(mebibytes, took)
            found.note(trial.name, outcome, broken=broken)
        position += len(lines)
        if len(lines) < len(batch):
            how = f"the process ended (status {done.status}): {done.last_words[-200:]}"
            found.note(batch[len(lines)].name, "", broken=how)
            position += 1


def say(*words: object) -> Said:
    """Run a command line of mtl in this process."""
    from mtl.core.cli.main import run

    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = run([str(word) for word in words])
    return Said(status, output.getvalue(), errors.getvalue())


def refuses(act: Callable[[], object]) -> Callable[[], tuple[str, str | None]]:
    """Return a trial's act that may succeed or refuse with one of mtl's errors, and nothing else."""

    def attempt() -> tuple[str, str | None]:
        from mtl.core.base.errors import MtlError

        try:
            act()
        except MtlError:
            return "refused", None
        return "read", None

    return attempt


def _work(batch: Sequence[Trial], results: int, seconds: int) -> None:
    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, stop)
    meter = Meter()
    for trial in batch:
        # The signal is heard between two steps of Python; the watchdog ends what hangs in C.
        faulthandler.dump_traceback_later(4 * seconds, exit=True)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        meter.begin()
        try:
            outcome = trial.act()
        except TooSlow:
            outcome = "", f"more than {seconds} s of processor time"
        except BaseException as error:
            outcome = "", f"{type(error).__name__}: {str(error)[:200]}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(results, json.dumps([*outcome, *meter.cost()]).encode() + b"\n")
    faulthandler.cancel_dump_traceback_later()
