"""Trains what is missing of a comparison, and keeps what fails apart from what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..base.leases import claim
from ..contracts import Job, JobEnding, Work
from ..discovery.registry import Registry
from ..execution.cells import TrainsCells, cell_job
from ..execution.choosing import Hands
from ..execution.marks import DamagedCell, complete
from ..execution.once import Driver
from ..execution.origin import data_origin, origin
from ..execution.records import where_on
from ..folders.run_folder import RunFolder
from .cells import Cell
from .folder import ComparisonFolder
from .progress import ComparisonProgress
from .yardsticks import Yardstick, compared_metrics


@dataclass(frozen=True)
class Failure:
    """Why a cell could not be trained, and the exit status of that."""

    reason: str
    status: int


@dataclass
class Runner:
    """Has cells trained in a folder; with `publishes`, each is exported too."""

    folder: ComparisonFolder
    registry: Registry
    hands: Hands
    yardsticks: Mapping[str, Yardstick]
    progress: ComparisonProgress = field(default_factory=ComparisonProgress)
    publishes: bool = False
    plugin_files: tuple[Path, ...] = ()
    adopts: bool = True
    """Whether cells may be taken from comparisons beside this one."""
    notes: list[str] = field(default_factory=list, init=False)
    """What must be known beside the results."""

    def run(self, cells: Sequence[Cell]) -> dict[str, Failure]:
        """Train every cell that is not finished; return the failures by the cell's key.

        A cell is marked the moment it is finished, so an interruption loses at most the epoch it falls in.
        """
        missing = [cell for cell in cells if not self._finished(cell)]
        self._tell_other_data([cell for cell in cells if cell not in missing], alone=not missing)
        lends = self.adopts and not self.publishes
        adopted = [cell for cell in missing if self._adopt(cell)] if lends else []
        missing = [cell for cell in missing if cell not in adopted]
        self.progress.started(len(cells), len(cells) - len(missing) - len(adopted), len(adopted))
        by_key = {cell.key: cell for cell in missing}
        failures: dict[str, Failure] = {}
        warned = Counter[str]()  # what is true of the data is said by every training: it is told once
        for ending in self._train(missing):
            cell = by_key[ending.key]
            for text in dict.fromkeys(ending.warnings):
                if not warned[text]:
                    self.progress.warning(f"{cell.title}, seed {cell.seed}: {text}")
                warned[text] += 1
            if ending.reason is not None:
                failures[ending.key] = Failure(ending.reason, ending.status)
                told = self.progress.failed_elsewhere if ending.elsewhere else self.progress.failed
                told(cell, ending.reason)
                continue
            self.folder.check()
            tell = self.progress.trained_elsewhere if ending.elsewhere else self.progress.trained
            tell(cell, ending.seconds, self._judged(cell))
        for text, count in warned.items():
            if count > 1:
                self.progress.warning(f"{count} trainings: {text}")
        return failures

    def _origin(self, cell: Cell) -> dict[str, str]:
        """Asked for anew with every cell: the first may have downloaded the data."""
        data = data_origin(cell.recipe.dataset, self.registry)
        return {**origin(self.registry, self.hands.device.partition(":")[0]), "data": data}

    def _tell_other_data(self, finished: Sequence[Cell], *, alone: bool) -> None:
        """Tell of cells that were trained when the data's files were others than now."""
        here: dict[str, str] = {}
        others = 0
        for cell in finished:
            data = cell.recipe.dataset
            known = self.folder.origin_of(cell).get("data", "")
            now = here.setdefault(str(data), data_origin(data, self.registry))
            others += bool(known and now and known != now)
        if not others:
            return
        told = (
            f"{others} of {len(finished)} finished trainings are of the data's files as they were: these, or "
            "the code that reads them, were changed or moved since; --force trains all of them again"
        )
        self.progress.warning(told)
        if alone and others == len(finished):  # else the results tell that cells differ among themselves
            self.notes.append(told)

    def _adopt(self, cell: Cell) -> bool:
        origin = self._origin(cell)
        if not origin["data"]:  # what a data set does not say it reads may have changed since
            return False
        lease = claim(self.folder.cell(cell), where_on("copies it"))
        if lease is None:
            return False
        adopted = self.folder.adopt(cell, origin) is not None
        if adopted:
            lease.finish()
        else:
            lease.leave()
        return adopted

    def _finished(self, cell: Cell) -> bool:
        try:
            return complete(self.folder.cell(cell), cell.key, self.publishes)
        except DamagedCell as found:
            self.progress.warning(f"{found}: the cell is trained again")
            return False

    def _train(self, cells: Sequence[Cell]) -> Iterator[JobEnding]:
        perform = TrainsCells(self.plugin_files, registry=self.registry)
        work = Work(perform, self.hands.device, self.folder.path.absolute(), self.hands.at_once)
        driver = Driver(self.hands, work, tell=self.progress.at_work)
        return driver.endings([self._job(cell) for cell in cells])

    def _job(self, cell: Cell) -> Job:
        title, path = f"{cell.title}, seed {cell.seed}", self.folder.cell(cell)
        code = origin(self.registry, self.hands.device)["code"]
        return cell_job(cell.recipe, title, path, publishes=self.publishes, code=code)

    def _judged(self, cell: Cell) -> dict[str, float | None]:
        test = compared_metrics(RunFolder(self.folder.cell(cell)).read_metrics())
        tasks = [cell.task] if cell.task is not None else [task for task in self.yardsticks if task in test]
        return {task: test[task][self.yardsticks[task].metric] for task in tasks}
