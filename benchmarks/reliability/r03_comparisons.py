"""R3: comparisons and trainings of several seeds are killed and repeated: the same cells come out."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .children import Child
from .disturbing import Action, Disturbance, operations
from .jobs import SETTINGS, digest, measured
from .row import Findings

_FLAGS = [
    *("--dataset", "shapes-synthetic", "--epochs", "1", "--tasks", "shape-count,denoise"),
    *(word for setting in SETTINGS for word in ("--set", setting)),
]


@dataclass(frozen=True)
class Job:
    """A command that trains several times, the command that goes on with it, and what must come out."""

    name: str
    begin: Callable[[Path], list[object]]
    repeat: Callable[[Path], list[object]]


COMPARE = Job(
    "compare",
    lambda path: ["compare", *_FLAGS, "--sharing", "hard", "--seeds", "2", "--out", path],
    lambda path: ["compare", *_FLAGS, "--sharing", "hard", "--seeds", "2", "--out", path],
)
SEEDS = Job(
    "seeds",
    lambda path: ["compose", *_FLAGS, "--seeds", "2", "--out", path],
    lambda path: ["resume", path],
)


class Comparisons:
    """Half of the kills come at a file operation, half at a moment."""

    name = "R3"
    title = "kill -9 inside comparisons and trainings of several seeds"
    promise = "the repeated command ends with the same weights and the same table"
    count = 60

    def run(self, count: int, seed: int, work: Path) -> Findings:
        found = Findings()
        random_numbers = random.Random(seed)
        for index, job in enumerate((COMPARE, SEEDS)):
            share = (count + 1 - index) // 2
            if share:
                _attack(job, share, random_numbers, work, found)
        return found


def _attack(job: Job, count: int, random_numbers: random.Random, work: Path, found: Findings) -> None:
    # Apart from each other: a comparison takes finished trainings from its neighbours.
    reference, here = work / f"{job.name}-reference" / "out", work / job.name / "out"
    log = work / f"{job.name}-operations"
    reference.parent.mkdir()
    done = Child(disturbance=Disturbance(reference, log=log)).mtl(*job.begin(reference))
    assert done.status == 0, done.output
    wanted, number_of_operations = _outcome(reference), len(operations(log))
    for index in range(count):
        shutil.rmtree(here.parent, ignore_errors=True)
        here.parent.mkdir()
        if index % 2:
            moment = random_numbers.uniform(0, done.seconds)
            child, trial = Child(kill_after=moment), f"after {moment / done.seconds:.0%} of the time"
        else:
            operation = random_numbers.randrange(1, number_of_operations + 1)
            child = Child(disturbance=Disturbance(here, operation, Action.KILL))
            trial = f"operation {operation}"
        first = child.mtl(*job.begin(here))
        again = Child().mtl(*job.repeat(here))
        if again.status == 2 and job is SEEDS and not list(here.rglob("manifest.json")):
            found.note(f"{job.name}: {trial}", "begun again")
            continue
        broken = again.fault((0,))
        if not broken and (different := sorted(wanted.items() ^ _outcome(here).items())):
            broken = f"other results: {', '.join(sorted({name for name, _ in different})[:5])}"
        found.note(f"{job.name}: {trial}", "same bytes" if first.killed else "had ended", broken=broken)


def _outcome(path: Path) -> dict[str, str]:
    """Return the sums of all best weights, and what was measured."""
    found = {}
    for manifest in path.rglob("manifest.json"):
        best = json.loads(manifest.read_text())["best"]
        found[str(manifest.parent.parent.relative_to(path))] = best["sha256"]
    for metrics in path.rglob("metrics.json"):
        found[str(metrics.relative_to(path))] = measured(metrics)
    for table in path.glob("cells.csv"):
        with table.open(newline="") as stream:
            rows = [{key: row[key] for key in row if "second" not in key} for row in csv.DictReader(stream)]
        kept = [row for row in rows if "second" not in str(row.get("metric", ""))]
        found["cells.csv"] = digest(json.dumps(sorted(map(str, kept))).encode())
    return found


ROW = Comparisons()
