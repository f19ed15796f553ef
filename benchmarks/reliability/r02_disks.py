"""R2: every file operation fails once, or from there on: clear words, the right status, nothing old lost."""

from __future__ import annotations

import shutil
from pathlib import Path

from .children import Child, Done
from .disturbing import Action, Disturbance, operations
from .jobs import composed, digest, flags
from .row import Findings

_ROOMLESS = ("unlink", "rmdir", "chmod")
_ACTIONS = (Action.IO_ERROR, Action.FULL, Action.SHORT, Action.FULL_ONCE)


class Disks:
    """A run replaces an older one with --force while the disk fails."""

    name = "R2"
    title = "every file operation: I/O error, full disk, short write, a full disk that passes"
    promise = (
        "status 2 or 5 (5: full disk) and a path, or the same bytes; the old run and old files stay intact"
    )
    count = 500

    def run(self, count: int, seed: int, work: Path) -> Findings:
        found = Findings()
        old = composed(work / "old", epochs=1)
        here = work / "run"
        wanted = self._attempt(old, here, Child(disturbance=Disturbance(here, log=work / "operations")))
        assert wanted.status == 0, wanted.output
        bytes_wanted = _models(here)
        trials = [
            (number, name, path, action)
            for number, (name, path) in enumerate(operations(work / "operations"), 1)
            for action in _ACTIONS
            if not (action is Action.SHORT and name != "write")
            and not (action in (Action.FULL, Action.FULL_ONCE) and name in _ROOMLESS)
        ]
        for index in range(min(count, len(trials))):
            number, name, path, action = trials[index * len(trials) // min(count, len(trials))]
            done = self._attempt(old, here, Child(disturbance=Disturbance(here, number, action)))
            trial = f"operation {number} {name} {Path(path).name} {action.name}"
            broken = self._judge(done, action, old, here, bytes_wanted)
            found.note(trial, f"status {done.status}", broken=broken)
        return found

    def _attempt(self, old: Path, here: Path, child: Child) -> Done:
        for path in [here, *here.parent.glob(".run*")]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.copytree(old, here)
        return child.mtl("compose", *flags(1), "--out", here, "--force")

    def _judge(self, done: Done, action: Action, old: Path, here: Path, wanted: dict[str, str]) -> str | None:
        if done.status == 0:
            return None if _models(here) == wanted else "status 0, and other bytes"
        if fault := done.fault((5,) if action in (Action.FULL, Action.FULL_ONCE) else (2, 5)):
            return fault
        if str(here) not in done.output:
            return f"no path: {done.last_words}"
        places = [here, *(path for path in here.parent.glob(".run*") if path.is_dir())]
        if not any(_models(old).items() <= _models(place).items() for place in places):
            return "the run that was there is lost"
        return None


def _models(path: Path) -> dict[str, str]:
    """Return the sums of a run's weights and exports."""
    return {
        str(file.relative_to(path)): digest(file.read_bytes())
        for file in path.rglob("*")
        if file.suffix in (".onnx", ".safetensors") and not file.name.startswith(".")
    }


ROW = Disks()
