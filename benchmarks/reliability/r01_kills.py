"""R1: a training is killed, at any file operation or at any moment, and resumed: the same bytes come out."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .children import Child, Done
from .disturbing import Action, Disturbance, operations
from .jobs import difference, flags, left_behind, quick, result, resumed
from .row import Findings


@dataclass(frozen=True)
class Way:
    """One way to train and to resume: what is run in the child."""

    name: str
    train: Callable[[Child, Path], Done]
    resume: Callable[[Child, Path], Done]


QUICK = Way(
    "training and evaluation",
    lambda child, path: child.call(quick("run", path)),
    lambda child, path: child.call(quick("resume", path)),
)
WHOLE = Way(
    "training, evaluation, export and report",
    lambda child, path: child.mtl("compose", *flags(), "--out", path),
    lambda child, path: child.mtl("resume", path),
)


class Kills:
    """Two thirds of the kills come at a file operation, the rest at any moment; a fifth hit whole runs."""

    name = "R1"
    title = "kill -9 in training, evaluation, export and report"
    promise = "a resumed run ends with the same bytes; a file is whole or absent; nothing unfinished stays"
    count = 200

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        found = Findings()
        for way, share in ((QUICK, count - count // 5), (WHOLE, count // 5)):
            if share:
                Attack(way, work / way.name.replace(" ", "-"), found).run(share, random_numbers)
        return found


class Attack:
    """The kills of one way to train."""

    def __init__(self, way: Way, work: Path, found: Findings) -> None:
        self.way, self.work, self.found = way, work, found
        self.path = work / "run"
        work.mkdir(parents=True)

    def run(self, count: int, random_numbers: random.Random) -> None:
        """Kill so many times, evenly over all file operations and at random moments."""
        log = self.work / "operations"
        done = self.way.train(Child(disturbance=Disturbance(self.path, log=log)), self.path)
        assert done.status == 0, done.output
        self.wanted = result(self.path)
        did = operations(log)
        self.check_order(did)
        at_operations = count * 2 // 3
        for number in range(at_operations):
            operation = 1 + number * len(did) // max(1, at_operations)
            name, path = did[operation - 1]
            for action in (Action.TORN,) if name == "write" else (Action.KILL,):
                child = Child(disturbance=Disturbance(self.path, operation, action))
                self.kill(child, f"operation {operation} {name} {Path(path).name} {action.name}", must=True)
        for _ in range(count - at_operations):
            moment = random_numbers.uniform(0.0, done.seconds)
            self.kill(Child(kill_after=moment), f"after {moment / done.seconds:.0%} of the time")

    def check_order(self, did: Sequence[tuple[str, str]]) -> None:
        """What gets its name must be on the disk before, and the folder's entry after: power may fail."""
        broken = None
        for index, (name, path) in enumerate(did):
            if name != "rename":
                continue
            folder = str(Path(path).parent)
            before = [item for item in did[:index] if item[0] == "fsync"]
            after = [item for item in did[index:] if item == ("fsync", folder)]
            written = [
                item for item in did[:index] if item[0] == "write" and Path(item[1]).parent == Path(folder)
            ]
            synced = written and any(item[1] == written[-1][1] for item in before)
            if written and not (synced and after):
                broken = f"{Path(path).name} is named before it is on the disk, or its folder never is"
        self.found.note(f"{self.way.name}: order of operations", "durable", broken=broken)

    def kill(self, child: Child, trial: str, *, must: bool = False) -> None:
        """Kill a run once, resume it, and compare."""
        shutil.rmtree(self.path, ignore_errors=True)
        trial = f"{self.way.name}: {trial}"
        done = self.way.train(child, self.path)
        if not done.killed:
            wrong = f"not killed, {done.fault((0,)) or 'status 0'}" if must else done.fault((0,))
            self.found.note(trial, "had ended", broken=wrong)
            return
        if not (self.path / "recipe.yaml").exists():
            self.found.note(trial, "had not begun")
            return
        again = resumed(self.path, lambda: self.way.resume(Child(), self.path))
        self.found.note(trial, "begun again" if again is None else "same bytes", broken=self.judge(again))

    def judge(self, again: Done | None) -> str | None:
        if again is None:
            return None
        if fault := again.fault((0,)):
            return f"resume: {fault}"
        if other := difference(self.wanted, result(self.path)):
            return f"other bytes: {other}"
        if left := left_behind(self.path):
            return f"left behind: {', '.join(left)}"
        return None


ROW = Kills()
