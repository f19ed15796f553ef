"""R12: two processes in one run folder: one of them is told, and the folder is one run, whole."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from mtl.core.base.progress import Progress

from .children import Child, Done
from .disturbing import Action, Disturbance, operations
from .jobs import difference, flags, quick, result
from .row import Findings

_PATIENCE = 300.0


class Hold(Progress):
    """Stops after the first epoch that it sees until it may go on."""

    def __init__(self, here: Path) -> None:
        self.held, self.go = here.with_name("held"), here.with_name("go")

    def epoch(self, epoch: int, row: object, best: object) -> None:
        self.held.touch()
        end = time.monotonic() + _PATIENCE
        while not self.go.exists() and time.monotonic() < end:
            time.sleep(0.02)


class Writers:
    """Mostly a second one while a first is in mid-training, with --force or to resume; some at any moment."""

    name = "R12"
    title = "two writers: the same folder with --force, two resumes, two that choose a folder"
    promise = "while one trains the other is refused with status 2; what is there is one whole run"
    count = 60

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        found = Findings()
        attack = Attack(work)
        ways = (attack.force, attack.resume, attack.any_moment) * 2 + (attack.choose,)
        for index in range(count):
            ways[index % len(ways)](random_numbers.random(), found)
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

    def force(self, share: float, found: Findings) -> None:
        """A second training wants to replace the first one, which is at work."""
        self._clear()
        self._held("run", quick("run", self.here, seed=2, force=True), "--force", found)

    def resume(self, share: float, found: Findings) -> None:
        """A run that was killed is resumed twice."""
        self._clear()
        child = Child(disturbance=Disturbance(self.here, self.first_epoch + 2, Action.KILL))
        assert child.call(quick("run", self.here)).killed
        self._held("resume", quick("resume", self.here), "two resumes", found)

    def any_moment(self, share: float, found: Findings) -> None:
        """Two trainings begin some time apart."""
        self._clear()
        one = Child().start(quick("run", self.here))
        time.sleep(share * self.seconds)
        two = Child().start(quick("run", self.here, seed=2, force=True))
        first, second = one.wait(), two.wait()
        broken = first.fault((0, 2)) or second.fault((0, 2))
        if not broken and first.status == second.status == 2:
            broken = "both were refused"
        told = f"status {first.status}, {second.status}"
        found.note(f"{share:.0%} of a training apart", told, broken=broken or self._mixture())

    def choose(self, share: float, found: Findings) -> None:
        """Two trainings choose a folder at once."""
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

    def _held(self, kind: str, other: Callable[[], int], trial: str, found: Findings) -> None:
        """Let the other one begin and end while the first is in mid-training."""
        hold = Hold(self.here)
        for mark in (hold.held, hold.go):
            mark.unlink(missing_ok=True)
        first = Child().start(quick(kind, self.here, progress=hold))
        end = time.monotonic() + _PATIENCE
        while not hold.held.exists() and time.monotonic() < end:
            time.sleep(0.02)
        second = Child().call(other)
        hold.go.touch()
        found.note(trial, "refused", broken=self._judge(first.wait(), second))

    def _judge(self, first: Done, second: Done) -> str | None:
        if fault := second.fault((2,)):
            return f"not refused: {fault}"
        return first.fault((0,)) or self._mixture(1)

    def _mixture(self, *seeds: int) -> str | None:
        """Return what is wrong with the folder unless it is the whole run of one of the seeds."""
        if not (self.here / "metrics.json").exists():
            return "one says that all is well, and its run is not there"
        got = result(self.here)
        whole = [self.wanted[seed] for seed in seeds or self.wanted]
        return "the folder is a mixture" if all(difference(wanted, got) for wanted in whole) else None

    def _clear(self) -> None:
        for path in [self.here, *self.work.glob(".run*")]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


ROW = Writers()
