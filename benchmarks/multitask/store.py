"""What the cells reached: one small file each, in a folder that belongs to one plan."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mtl.core.base.errors import UsageError
from mtl.core.base.files import make_folder, read_json, reading, write_json
from mtl.core.folders.differences import difference

from .plan import Cell, Method, Plan, search_of

FORMAT = 1
PLAN = "plan.json"
_OTHER = "another protocol has another name, or another folder: --results"

Metrics = Mapping[str, Mapping[str, float | None]]


class Seconds(BaseModel):
    """Of the epochs: by the clock, and of the processor; the latter None where not all were taken at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clock: float
    cpu: float | None


class Entry(BaseModel):
    """One cell: what it was, what made it, and what it reached; one of a search has no test metrics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    plan: str
    cell: str
    row: str
    seed: int
    rate: float
    recipe: str
    status: Literal["trained", "failed"]
    reason: str | None = None
    data: dict[str, str]
    commit: str
    code: str
    versions: dict[str, str]
    threads: int
    machine: str
    date: str
    seconds: Seconds | None = None
    parameters: int | None = None
    chosen_epoch: int | None = None
    validation: Metrics = {}
    test: Metrics = {}
    onnx: Metrics = {}
    onnx_difference: float | None = None


class Results:
    """The files of one plan's cells in `folder`; raises `UsageError` when they are another plan's."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder / plan.name
        self.plan = plan
        self._kept: dict[str, Entry] = {}
        path = self.folder / PLAN
        if not path.is_file():
            return
        known = read_json(path, "a plan", hint=_OTHER)
        if not isinstance(known, Mapping) or known != plan.plain():
            parted = difference(known, plan.plain()) if isinstance(known, Mapping) else "it is no mapping"
            raise UsageError(f"{path} is another plan: {parted}", hint=_OTHER)

    def path(self, cell: Cell) -> Path:
        """Return where the file of a cell lies."""
        return self.folder / ("search" if cell.rate is not None else "cells") / f"{cell.name}.json"

    def has(self, cell: Cell) -> bool:
        """Return whether a cell was done, here or by another process."""
        return self.path(cell).is_file()

    def read(self, cell: Cell) -> Entry | None:
        """Return what a cell reached, None where it was not done yet."""
        path = self.path(cell)
        if cell.name not in self._kept and path.is_file():
            with reading(path, "the result of a cell", hint="remove it, and the cell is trained again"):
                entry = Entry.model_validate(read_json(path, "the result of a cell", hint="remove it"))
            self._refuse_other(path, cell, entry)
            self._kept[cell.name] = entry
        return self._kept.get(cell.name)

    def _refuse_other(self, path: Path, cell: Cell, entry: Entry) -> None:
        found: tuple[tuple[str, Any, Any], ...] = (
            ("format", entry.format, FORMAT),
            ("plan", entry.plan, self.plan.hash()),
            ("cell", entry.cell, cell.name),
            ("row", entry.row, cell.method.name),
            ("seed", entry.seed, cell.seed),
        )
        for name, there, here in found:
            if there != here:
                parted = difference({name: there}, {name: here})
                raise UsageError(f"{path} is of another protocol: {parted}", hint=_OTHER)

    def write(self, cell: Cell, entry: Entry) -> None:
        """Keep what a cell reached."""
        if not (self.folder / PLAN).is_file():
            make_folder(self.folder)
            write_json(self.folder / PLAN, self.plan.plain())
        make_folder(self.path(cell).parent)
        write_json(self.path(cell), entry.model_dump(mode="json"))

    def searched(self, method: Method, *, final: bool = False) -> dict[float, Entry]:
        """Return what a round of a row's search found by rate, as far as it has come."""
        found = {cell.rate: self.read(cell) for cell in search_of(self.plan, method, final=final)}
        return {rate: entry for rate, entry in found.items() if rate is not None and entry is not None}

    def finalists(self, method: Method) -> tuple[float, ...]:
        """Return the rates that come near the best one in the first round; none before it is over."""
        found = self.searched(method)
        if len(found) < len(self.plan.search.rates):
            return ()
        known = scores(self.plan, found)
        best = max(known.values())
        return tuple(rate for rate, score in known.items() if score >= best - self.plan.search.near)

    def wants(self, cell: Cell) -> bool:
        """Return whether a cell is to be trained as far as is known: of a last round, where there is one."""
        if not cell.final:
            return True
        finalists = self.finalists(cell.method)
        return len(finalists) > 1 and cell.rate in finalists

    def chosen_rate(self, method: Method) -> float | None:
        """Return the rate of a row: the best on validation, of equals the lowest; None before its search.

        Where every rate failed it is the lowest: its cells then say why.
        """
        finalists = self.finalists(method)
        if len(finalists) < 2:
            return finalists[0] if finalists else None
        found = self.searched(method, final=True)
        if not all(rate in found for rate in finalists):
            return None
        known = scores(self.plan, {rate: found[rate] for rate in finalists})
        return max(sorted(known), key=lambda rate: known[rate])


def scores(plan: Plan, found: Mapping[float, Entry]) -> dict[float, float]:
    """Return how good each rate of a row is on validation: the more the better, of a failure -inf.

    It is the mean of the tasks' metrics. Where less is better on one of them, it is the mean of the tasks'
    gains over the lowest rate that was trained, as shares of what that one reached.
    """
    values = {rate: _values(plan, entry) for rate, entry in sorted(found.items())}
    first = next((value for value in values.values() if value is not None), {})
    if plan.lower_is_better:
        signs = {task: -1 if task in plan.lower_is_better else 1 for task in first}
        values = {
            rate: value and {task: signs[task] * (value[task] / first[task] - 1) for task in value}
            for rate, value in values.items()
        }
    return {rate: fmean(value.values()) if value else -inf for rate, value in values.items()}


def _values(plan: Plan, entry: Entry) -> dict[str, float] | None:
    """Return the judged validation metric of each task, None where one is missing."""
    found = {task: values[plan.judged_by[task]] for task, values in entry.validation.items()}
    known = {task: value for task, value in found.items() if value is not None}
    return known if entry.status == "trained" and len(known) == len(found) else None
