"""The folder of a comparison: what was asked, one run folder per cell, and the results.

`plan.json` says what is compared, `cells/` holds a run folder per training with a `cell.json` that is written
last, and `compare.json`, `cells.csv`, `summary.csv` and `report.html` are the results.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import (
    PARTIAL,
    make_own_folder,
    read_json,
    sweep,
    write_new,
    writing_to,
)
from ..base.workplace import Workplace, enter, is_empty, replaced
from ..execution.marks import DamagedCell, finished, read_mark
from ..folders.differences import difference
from .cells import Cell

PLAN = "plan.json"
FORMAT = 1

_PLAN_HINT = "its cells are intact: choose another --out beside it to use them, or replace it with --force"
_BESIDE = ("format", "planned_seeds")
"""What stands in a plan beside the question."""


class ComparisonFolder:
    """A comparison's folder; `open` makes it, or finds it again to go on."""

    def __init__(self, path: Path, workplace: Workplace | None = None) -> None:
        self.path = path
        self.cells = path / "cells"
        self.workplace = workplace

    @classmethod
    @contextmanager
    def open(
        cls,
        path: Path,
        plan: Mapping[str, Any],
        warn: Callable[[str], None],
        *,
        seeds: int,
        force: bool = False,
        shared: bool = False,
    ) -> Iterator[ComparisonFolder]:
        """Work alone in a new folder, or go on in one that asks the same question, perhaps of more cells.

        With `shared` others may do so at the same time, if they too come to share it.

        Raises `UsageError` when something else is there, it is damaged, it compares something else, or
        somebody else is at work in it. With `force` an old comparison is kept aside until the new one is
        complete. `seeds` is the number of seeds that are planned, where nothing was planned before.
        """
        cls(path)._refuse(plan, force)
        with enter(path, warn, create=True, shared=shared) as workplace:
            folder = cls(path, workplace)
            folder._refuse(plan, force)  # somebody may have been there first
            # Who trains the same question again has seen its results: what was planned stays planned.
            planned = folder.planned(plan, seeds)
            if force:
                workplace.set_aside()
            if not (path / PLAN).is_file():
                asked = {"format": FORMAT, "planned_seeds": planned, **plan}
                write_new(path / PLAN, json.dumps(asked, indent=2, allow_nan=False).encode() + b"\n")
                folder._refuse(plan, force)  # another driver may have been first just now
            make_own_folder(folder.cells)
            for text in () if shared else sweep(folder.cells):
                warn(text)
            yield folder

    def _refuse(self, plan: Mapping[str, Any], force: bool) -> None:
        with writing_to(self.path):
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
                raise UsageError(f"{self.path} is no folder", hint="choose another one with --out")
            if is_empty(self.path):
                return
        if not os.path.lexists(self.path / PLAN):
            raise UsageError(
                f"{self.path} is no comparison folder: it has no {PLAN}",
                hint="choose another folder with --out",
            )
        if force:
            return
        known = self._plan()
        if not _is_same(known, plan):
            raise UsageError(
                f"{self.path} holds another comparison: {difference(known, plan)}",
                hint="choose another folder with --out, or replace it with --force",
            )

    def planned(self, plan: Mapping[str, Any], seeds: int) -> int:
        """Return how many seeds were planned for this question before anything was trained; else `seeds`."""
        if not _asks(self.path, plan):
            return seeds
        planned = self._plan().get("planned_seeds", seeds)
        if type(planned) is not int or planned < 1:
            raise UsageError(f"{self.path / PLAN} is damaged: planned_seeds is {planned!r}", hint=_PLAN_HINT)
        return planned

    def _plan(self) -> dict[str, Any]:
        path = self.path / PLAN
        plan = read_json(path, "the plan of a comparison", hint=_PLAN_HINT)
        if not isinstance(plan, dict) or "format" not in plan:
            raise UsageError(f"{path} is damaged: it is no plan of a comparison", hint=_PLAN_HINT)
        if plan["format"] != FORMAT:
            raise UsageError(
                f"{path} has format {plan['format']!r}, this version reads {FORMAT}",
                hint="choose another --out",
            )
        return plan

    @property
    def replaced(self) -> Path:
        """Where a comparison that this one replaces is kept until this one is complete."""
        return replaced(self.path)

    def check(self) -> None:
        """Raise `UsageError` when the folder was taken away while it is worked in."""
        if self.workplace is not None:
            self.workplace.check()

    def complete(self) -> None:
        """Delete the comparison that this one replaces."""
        if self.workplace is not None:
            self.workplace.finish()

    def cell(self, cell: Cell) -> Path:
        """Return the run folder of a cell."""
        return self.cells / cell.folder_name

    def origin_of(self, cell: Cell) -> dict[str, str]:
        """Return where a finished cell comes from."""
        origin: dict[str, str] = read_mark(self.cell(cell))["origin"]
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
                if not finished(other, cell.key) or read_mark(other)["origin"] != origin:
                    continue
            except (DamagedCell, UsageError):
                continue
            target = self.cell(cell)
            partial = target.with_name(f".{target.name}{PARTIAL}")
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
        known = read_json(path / PLAN, "the plan of a comparison", hint="")
    except UsageError:
        return False
    return isinstance(known, dict) and _is_same(known, plan)


def _is_same(known: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Return whether a plan that was kept asks the same question, whatever the number of seeds."""
    return {key: value for key, value in known.items() if key not in _BESIDE} == plan
