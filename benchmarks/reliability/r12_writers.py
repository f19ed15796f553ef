"""R12: two processes in one run folder: one of them is told, and the folder is one run, whole."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from .children import Child, Done
from .disturbing import Action, Disturbance, operations
from .jobs import difference, flags, quick, result
from .row import Findings


class Writers:
    """In turn: a second training with --force, two resumes, two trainings that choose their folder."""

    name = "R12"
    title = "two writers: the same folder with --force, two resumes, two that choose a folder"
    promise = "one is refused with status 2, or each has a folder; what is there is one whole run"
    count = 60

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        found = Findings()
        attack = Attack(work)
        for index in range(count):
            wait = random_numbers.uniform(0, attack.seconds)
            (attack.force, attack.resume, attack.choose)[index % 3](wait, found)
        return found


class Attack:
    """Pairs of processes, and what one alone makes."""

    def __init__(self, work: Path) -> None:
        self.work, self.here = work, work / "run"
        self.wanted = {}
        for seed in (1, 2):
            whole = work / f"whole-{seed}"
            log = work / f"operations-{seed}"
            done = Child(disturbance=Disturbance(whole, log=log)).call(quick("run", whole, seed=seed))
            assert done.status == 0, done.output
            self.wanted[seed] = result(whole)
            self.seconds = done.seconds
        did = operations(work / "operations-1")
        self.first_epoch = next(
            number for number, (name, path) in enumerate(did, 1) if name == "rename" and "manifest" in path
        )

    def force(self, wait: float, found: Findings) -> None:
        self._clear()
        mine, other = quick("run", self.here), quick("run", self.here, seed=2, force=True)
        first, second = self._both(mine, other, wait)
        trial = f"--force after {wait:.2f} s: status {first.status}, {second.status}"
        found.note(trial, f"status {first.status}, {second.status}", broken=self._judge(first, second))

    def resume(self, wait: float, found: Findings) -> None:
        self._clear()
        child = Child(disturbance=Disturbance(self.here, self.first_epoch + 2, Action.KILL))
        assert child.call(quick("run", self.here)).killed
        first, second = self._both(quick("resume", self.here), quick("resume", self.here), wait / 4)
        trial = f"two resumes, {wait / 4:.2f} s apart: status {first.status}, {second.status}"
        found.note(trial, f"status {first.status}, {second.status}", broken=self._judge(first, second))

    def choose(self, wait: float, found: Findings) -> None:
        folder = self.work / "chosen"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        both = [Child(folder=folder).begin("compose", *flags(1)) for _ in range(2)]
        done = [running.wait() for running in both]
        broken = next((fault for item in done if (fault := item.fault((0,)))), None)
        runs = [path for path in (folder / "runs").iterdir() if not path.name.startswith(".")]
        if not broken and len(runs) != 2:
            broken = f"{len(runs)} folders for two runs that ended well"
        found.note("two that choose a folder", "two folders", broken=broken)

    def _both(self, first: Callable[[], int], second: Callable[[], int], wait: float) -> tuple[Done, Done]:
        one = Child().start(first)
        time.sleep(wait)
        two = Child().start(second)
        return one.wait(), two.wait()

    def _judge(self, first: Done, second: Done) -> str | None:
        for done in (first, second):
            if fault := done.fault((0, 2)):
                return fault
        if first.status == second.status == 2:
            return "both were refused"
        if not (self.here / "metrics.json").exists():
            return "one says that all is well, and its run is not there"
        got = result(self.here)
        if all(difference(wanted, got) for wanted in self.wanted.values()):
            return "the folder is a mixture"
        return None

    def _clear(self) -> None:
        for path in [self.here, *self.work.glob(".run*")]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


ROW = Writers()
