"""R5: a signal in the middle of an epoch, under every balancer and sharing scheme: exact all the same."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from mtl.core.base.progress import Progress

from .children import Child
from .jobs import difference, quick, result
from .row import Findings

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
_TASKS = ("denoise", "shape-count")


class Stop(Progress):
    """Sends a signal to its own process after a step of an epoch."""

    def __init__(self, epoch: int, step: int, number: signal.Signals) -> None:
        self._at = epoch, step
        self._signal = number
        self._now = 0

    def epoch(self, epoch: int, row: object, best: object) -> None:
        self._now = epoch

    def step(self, done: int, total: int) -> None:
        if self._now + 1 == self._at[0] and done == min(self._at[1], total):
            os.kill(os.getpid(), self._signal)


class Stops:
    """Balancers with shared layers in turn, then sharing schemes, with dropout and noise."""

    name = "R5"
    title = "SIGTERM, SIGINT and SIGKILL in the middle of an epoch, balancers and sharing schemes in turn"
    promise = "a resumed run ends with the same bytes"
    count = 30

    def run(self, count: int, seed: int, work: Path) -> Findings:
        from mtl.core.discovery.registry import discover

        registry = discover(())
        schemes = registry.names("sharing")
        ways = [(name, "hard") for name in registry.names("balancer")]
        ways += [("sum" if index % 2 else "uncertainty", name) for index, name in enumerate(schemes)]
        found = Findings()
        for index in range(count):
            balancer, sharing = ways[(index * len(ways) // count + seed) % len(ways)]
            number = _SIGNALS[index % len(_SIGNALS)]
            encoder = "encoder={name: mlp, hidden: [16, 8], dropout: 0.3}"
            more = (encoder, "dataset.train_size=120", f"balancer={balancer}", f"sharing={sharing}")
            self._trial(f"{balancer}, {sharing}, {number.name}", more, number, work, found)
        return found

    def _trial(
        self, trial: str, more: tuple[str, ...], number: signal.Signals, work: Path, found: Findings
    ) -> None:
        whole, stopped = work / "whole", work / "stopped"
        for path in (whole, stopped):
            shutil.rmtree(path, ignore_errors=True)
        done = Child().call(quick("run", whole, tasks=_TASKS, more=more))
        if done.status in (2, 5):
            found.tally["does not fit together"] += 1
            return
        Child().call(quick("run", stopped, tasks=_TASKS, more=more, progress=Stop(2, 2, number)))
        again = Child().call(quick("resume", stopped))
        broken = done.fault((0,)) or again.fault((0,))
        if not broken and (other := difference(result(whole), result(stopped))):
            broken = f"other bytes: {other}"
        found.note(trial, "same bytes", broken=broken)


ROW = Stops()
