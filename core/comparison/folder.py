"""The folder of a comparison: what was asked, one run folder per cell, and the results.

`plan.json` says what is compared, `cells/` holds a run folder per training with a `cell.json` that is written
last, and `compare.json`, `cells.csv`, `summary.csv` and `report.html` are the results.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import sha256, write_json, writing_to
from .cells import Cell

PLAN = "plan.json"
MARK = "cell.json"
FORMAT = 1
KEPT = ("recipe.yaml", "metrics.json", "history.csv")
"""Files of a cell whose content its mark vouches for."""


class ComparisonFolder:
    """A comparison's folder; `open` makes it, or finds it again to go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells = path / "cells"

    @classmethod
    def open(cls, path: Path, plan: Mapping[str, Any], *, force: bool = False) -> ComparisonFolder:
        """Make a new folder, or go on in one that asks the same question, perhaps of more cells.

        Raises `UsageError` when something else is there, it is damaged, or it compares something else. With
        `force` an old comparison is moved aside, and deleted when the new one is complete.
        """
        folder = cls(path)
        with writing_to(path):
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise UsageError(f"{path} is no folder", hint="choose another one with --out")
            if path.exists() and any(path.iterdir()):
                folder._reopen(plan, force)
            path.mkdir(parents=True, exist_ok=True)
            folder.cells.mkdir(exist_ok=True)
        if not (path / PLAN).is_file():
            write_json(path / PLAN, {"format": FORMAT, **plan})
        return folder

    def _reopen(self, plan: Mapping[str, Any], force: bool) -> None:
        if not (self.path / PLAN).is_file():
            raise UsageError(
                f"{self.path} is no comparison folder: it has no {PLAN}",
                hint="choose another folder with --out",
            )
        if force:
            if self.replaced.exists():
                with self.locked():
                    shutil.rmtree(self.path)  # it replaced a comparison and never finished; that one is kept
            else:
                with self.locked():  # nobody may be at work in it
                    self.path.rename(self.replaced)
            return
        known = self._plan()
        if any(known.get(key) != value for key, value in plan.items()):
            raise UsageError(
                f"{self.path} holds another comparison: {_difference(known, plan)}",
                hint="choose another folder with --out, or replace it with --force",
            )

    def _plan(self) -> dict[str, Any]:
        path = self.path / PLAN
        hint = "its cells are intact: choose another --out beside it to use them, or replace it with --force"
        try:
            plan: dict[str, Any] = json.loads(path.read_text())
        except (ValueError, OSError) as error:
            raise UsageError(f"{path} is damaged: {error}", hint=hint) from None
        if not isinstance(plan, dict) or "format" not in plan:
            raise UsageError(f"{path} is damaged: it is no plan of a comparison", hint=hint)
        if plan["format"] != FORMAT:
            raise UsageError(
                f"{path} has format {plan['format']!r}, this version reads {FORMAT}",
                hint="choose another --out",
            )
        return plan

    @property
    def replaced(self) -> Path:
        """Where a comparison that this one replaces is kept until this one is complete."""
        here = self.path.absolute()
        return here.with_name(f".{here.name}.replaced")

    def finish(self) -> None:
        """Delete the comparison that this one replaces."""
        if self.replaced.exists():
            shutil.rmtree(self.replaced)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from training in this folder; raise `UsageError` when somebody already does."""
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"another mtl compare is at work in {self.path}",
                    hint="wait for it, or choose another --out",
                ) from None
            yield
        finally:
            os.close(descriptor)

    def cell(self, cell: Cell) -> Path:
        """Return the run folder of a cell."""
        return self.cells / cell.folder_name

    def mark(self, cell: Cell, origin: Mapping[str, str]) -> None:
        """Declare a cell finished: from here on it is not trained again."""
        path = self.cell(cell)
        digests = {name: sha256((path / name).read_bytes()) for name in KEPT}
        write_json(path / MARK, {"key": cell.key, "origin": dict(origin), "sha256": digests})

    def finished(self, cell: Cell) -> bool:
        """Return whether a cell is finished and intact.

        Raises `DamagedCell` when it was finished and no longer is what it was.
        """
        return _finished(self.cell(cell), cell)

    def origin_of(self, cell: Cell) -> dict[str, str]:
        """Return where a finished cell comes from."""
        origin: dict[str, str] = json.loads((self.cell(cell) / MARK).read_text())["origin"]
        return origin

    def adopt(self, cell: Cell, origin: Mapping[str, str]) -> Path | None:
        """Copy a cell that a comparison beside this one has finished, of the same origin; return whose.

        Nothing is adopted that differs in a version, in the code, in the device, or in a byte of its results.
        """
        for other in sorted(self.path.absolute().parent.glob(f"*/cells/*{cell.key[:10]}")):
            source = ComparisonFolder(other.parents[1])
            if source.path.name.startswith("."):  # one that was moved aside, to be replaced
                continue
            try:
                if not _finished(other, cell) or json.loads((other / MARK).read_text())["origin"] != origin:
                    continue
            except (DamagedCell, OSError):
                continue
            target = self.cell(cell)
            partial = target.with_name(f".{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            with writing_to(target):
                shutil.copytree(other, partial)
                shutil.rmtree(target, ignore_errors=True)
                partial.rename(target)
            return source.path
        return None


def usual_folder(parent: Path, name: str, plan: Mapping[str, Any]) -> Path:
    """Return `parent/name`, or with a number the first one that is free or asks this very question."""
    number, path = 1, parent / name
    while path.exists() and not _asks(path, plan):
        number += 1
        path = parent / f"{name}-{number}"
    return path


def _asks(path: Path, plan: Mapping[str, Any]) -> bool:
    try:
        known = json.loads((path / PLAN).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and all(known.get(key) == value for key, value in plan.items())


class DamagedCell(Exception):  # noqa: N818 - a finding, handled by training the cell again
    """A finished cell whose files are missing or changed."""


def _finished(path: Path, cell: Cell) -> bool:
    if not (path / MARK).is_file():
        return False
    try:
        mark = json.loads((path / MARK).read_text())
        if mark["key"] != cell.key:
            raise DamagedCell(f"{path / MARK} belongs to another recipe")
        digests: dict[str, str] = mark["sha256"]
        for name in KEPT:
            if sha256((path / name).read_bytes()) != digests[name]:
                raise DamagedCell(f"{path / name} is not what it was when the cell finished")
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedCell(f"{path / MARK} is damaged ({type(error).__name__})") from None
    except FileNotFoundError as error:
        raise DamagedCell(f"{error.filename} is missing") from None
    return True


def _difference(known: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Say in a few words where two plans part."""
    for key, value in plan.items():
        other = known.get(key)
        if other == value:
            continue
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            return f"{key}: {_difference(other, value)}"
        return f"{key} {_short(other)} there, {_short(value)} here"
    return "something is left out here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
