"""Does the scorecard see? Twelve faults are put into mtl, in a child process, and a row must turn red.

Nothing in mtl knows of them: each replaces functions in the memory of the child.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .children import Child
from .rows import all_rows


@dataclass(frozen=True)
class Fault:
    """A mistake that could be made: its name, what it is, the row that must notice it in so many trials."""

    name: str
    what: str
    row: str
    count: int
    plant: Callable[[], None]


def noticed(fault: Fault, work: Path) -> dict[str, Any]:
    """Run the row without the fault and with it; it is noticed when more promises are broken with it."""
    found = _run(fault, True, work / "fault")
    # What is broken without it does not count; where nothing is, there is nothing to take away.
    without = _run(fault, False, work / "fault")["broken"] if found["broken"] else []
    seen = sorted(set(found["broken"]) - set(without))
    print(f"{fault.name}: {'noticed' if seen else 'NOT NOTICED'} by {fault.row}: {seen[:2]}", flush=True)
    named = {"fault": fault.name, "what": fault.what, "row": fault.row}
    return {**named, "trials": found["trials"], "noticed": bool(seen), "by": seen[:3]}


def _run(fault: Fault, planted: bool, folder: Path) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    told = folder / "found.json"

    def job() -> None:
        if planted:
            fault.plant()
        work = folder / "work"
        work.mkdir()
        found = all_rows()[fault.row].run(fault.count, 1, work)
        kinds = [f"{item.trial}: {item.what}".replace(str(folder), "")[:200] for item in found.violations]
        told.write_text(json.dumps({"trials": found.trials, "broken": kinds}))

    done = Child(seconds=3600).call(job)
    if not told.exists():
        # Even the undisturbed run that a row begins with did not come out.
        return {"trials": 0, "broken": [f"the row could not be run: {done.last_words[-200:]}"]}
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def everywhere(old: object, new: object) -> None:
    """Put something in the place of a function of mtl, in every module that knows it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("mtl.") or name == "mtl":
            for attribute, value in list(vars(module).items()):
                if value is old:
                    setattr(module, attribute, new)


def _no_sync() -> None:
    import os

    os.fsync = lambda fd: None


def _in_place() -> None:
    from mtl.core.base import files

    everywhere(files.write_bytes, lambda path, content: Path(path).write_bytes(content) and None)


def _counts_first() -> None:
    from dataclasses import replace

    from mtl.core.training.checkpoint import CheckpointFolder

    save = CheckpointFolder.save

    def early(self: Any, checkpoint: Any, *rest: Any, **named: Any) -> Any:
        return save(self, replace(checkpoint, epoch=checkpoint.epoch + 1), *rest, **named)

    CheckpointFolder.save = early  # type: ignore[method-assign]


def _no_sums() -> None:
    from mtl.core.base import files

    everywhere(files.sha256, lambda content: "0" * 64)


def _no_lock() -> None:
    import fcntl

    fcntl.flock = fcntl.lockf = lambda *given: None


def _swallowed() -> None:
    from mtl.core.base import files

    @contextlib.contextmanager
    def silent(path: Path) -> Iterator[None]:
        with contextlib.suppress(OSError):
            yield

    everywhere(files.writing_to, silent)


def _inexact() -> None:
    import torch

    from mtl.core.training.trainer import Trainer

    restore = Trainer.restore

    def nearly(self: Any, checkpoint: Any) -> None:
        restore(self, checkpoint)
        with torch.no_grad():
            next(self.composition.model.parameters()).view(-1)[0] += 1e-6

    Trainer.restore = nearly  # type: ignore[method-assign]


def _any_number() -> None:
    from dataclasses import replace

    from mtl.core.training.failure import Failure
    from mtl.core.training.trainer import Trainer

    judge = Trainer._result

    def mild(self: Any, losses: Any, validation: Any, *rest: Any) -> Any:
        return judge(self, losses, replace(validation, not_finite={}), *rest)

    Trainer._result = mild  # type: ignore[method-assign, assignment]
    Failure.note = lambda self, total: None  # type: ignore[method-assign]


def _raw_markup() -> None:
    import html

    html.escape = lambda s, quote=True: s


def _no_grace() -> None:
    from mtl.exports.serving import server

    serve = server.serve

    def hasty(app: Any, opened: Any, connections: int, grace: float, started: Any) -> int:
        return serve(app, opened, connections, 0.0, started)

    server.serve = hasty


def _no_bounds() -> None:
    from mtl.exports.serving import connections

    connections.HEAD_BYTES = connections.LINE_BYTES = connections.HEADERS = 10**12


def _no_boundary() -> None:
    from mtl.core.base import files

    @contextlib.contextmanager
    def open_gate(*given: Any, **named: Any) -> Iterator[None]:
        yield

    everywhere(files.reading, open_gate)


FAULTS = (
    Fault("no-sync", "files are not forced to the disk before they get their names", "R1", 1, _no_sync),
    Fault("in-place", "files are written in place", "R1", 30, _in_place),
    Fault("counts-first", "the epoch is counted before its weights are kept", "R1", 4, _counts_first),
    Fault("no-sums", "checksums are not compared", "R4", 12, _no_sums),
    Fault("no-lock", "a run folder is not locked", "R12", 2, _no_lock),
    Fault("swallowed", "an error of the disk is swallowed", "R2", 8, _swallowed),
    Fault("inexact", "a resumed training begins a millionth elsewhere", "R5", 1, _inexact),
    Fault("any-number", "losses that are no numbers are trained on", "R13", 3, _any_number),
    Fault("raw-markup", "names are not escaped", "R16", 3, _raw_markup),
    Fault("no-grace", "a server that is stopped drops what is open", "R11", 3, _no_grace),
    Fault("no-bounds", "heads of requests have no bounds", "R10", 100, _no_bounds),
    Fault("no-boundary", "what a parser raises is not turned into a refusal", "R8", 60, _no_boundary),
)
