"""A server that forks: torch and mtl are imported once, and each trial is a child that may die."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from .disturbing import Disturbance

ESCAPED = 99
"""Status of a child from which an exception came out that mtl should have caught."""

_LOOK = 0.01


@dataclass(frozen=True)
class Done:
    """How a child ended: its exit status, negative for a signal; what it said; whether it was too slow."""

    status: int
    output: str
    seconds: float
    late: bool = False

    @property
    def killed(self) -> bool:
        """Whether it was killed, as a trial wanted."""
        return self.status == -signal.SIGKILL and not self.late

    def fault(self, allowed: Sequence[int]) -> str | None:
        """Return what a user must never see, or None: another status, a traceback, an internal error."""
        if self.late:
            return f"still running after {self.seconds:.0f} s"
        if self.status not in allowed or "Traceback" in self.output or "internal:" in self.output:
            return f"status {self.status}: {self.last_words}"
        return None

    @property
    def last_words(self) -> str:
        """The last lines of what it said, as one."""
        return " | ".join(self.output.strip().splitlines()[-4:])[-400:]


@dataclass(frozen=True)
class Child:
    """What a trial does in a process of its own, and around it.

    `seconds` are the most it may take; `kill_after` so many it is killed; `memory` bytes more than this
    process has are the most it may take; `prepare` is called in it first.
    """

    seconds: float = 300.0
    kill_after: float | None = None
    memory: int | None = None
    folder: Path | None = None
    environment: Mapping[str, str | None] | None = None
    disturbance: Disturbance | None = None
    prepare: Callable[[], Any] | None = None

    def mtl(self, *arguments: object) -> Done:
        """Run a command line of mtl."""
        return self.begin(*arguments).wait()

    def begin(self, *arguments: object) -> Running:
        """Begin to run a command line of mtl."""
        words = [str(argument) for argument in arguments]

        def command() -> int:
            from mtl.core.cli.main import run

            sys.argv = ["mtl", *words]
            return run(words)

        return self.start(command)

    def call(self, job: Callable[[], Any]) -> Done:
        """Run a function; its result is the exit status if it is a number, else 0."""
        return self.start(job).wait()

    def start(self, job: Callable[[], Any]) -> Running:
        """Begin to run a function."""
        with tempfile.TemporaryFile() as output:
            sys.stdout.flush()
            sys.stderr.flush()
            begun = time.monotonic()
            process = os.fork()
            if process == 0:
                self._become(job, output.fileno())
            return Running(self, process, os.dup(output.fileno()), begun)

    def _become(self, job: Callable[[], Any], output: int) -> NoReturn:
        status: Any = ESCAPED
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.stdout, sys.stderr = (_stream(number) for number in (1, 2))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.default_int_handler)
            self._settle()
            status = job()
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException as error:
            os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode(errors="backslashreplace"))
        finally:
            os._exit(status if isinstance(status, int) else 0)

    def _settle(self) -> None:
        if self.folder:
            os.chdir(self.folder)
        for name, value in (self.environment or {}).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self.memory is not None:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + self.memory
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        if self.prepare:
            self.prepare()
        if self.disturbance:
            self.disturbance.arm()


def _stream(number: int) -> TextIO:
    return open(number, "w", closefd=False, errors="backslashreplace", buffering=1)


@dataclass(frozen=True)
class Running:
    """A child at work."""

    child: Child
    process: int
    output: int
    begun: float

    def wait(self) -> Done:
        """Wait for its end, killing it when its time has come."""
        late, killed = False, False
        while True:
            ended, code = os.waitpid(self.process, os.WNOHANG)
            took = time.monotonic() - self.begun
            if ended:
                break
            late = late or took > self.child.seconds
            due = self.child.kill_after is not None and took >= self.child.kill_after
            if (late or due) and not killed:
                os.kill(self.process, signal.SIGKILL)
                killed = True
            time.sleep(_LOOK)
        said = self.said()
        os.close(self.output)
        return Done(os.waitstatus_to_exitcode(code), said, took, late)

    def said(self) -> str:
        """Return what it has said so far; the place to which it writes on is its own."""
        size = os.fstat(self.output).st_size
        return os.pread(self.output, size, 0).decode("utf-8", "backslashreplace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.process, number)


def warm_up() -> None:
    """Import what the trials need, so that no child has to."""
    import torch
    import torch._dynamo
    import torch.export
    import torch.onnx._internal.exporter._core
    import torchmetrics  # noqa: F401

    import mtl.core.cli.main
    import mtl.core.report
    import mtl.core.running.pipeline
    import mtl.exports.onnx_exporter  # noqa: F401
    from mtl.core.discovery.registry import discover

    torch.set_num_threads(1)
    assert discover(()).providers
