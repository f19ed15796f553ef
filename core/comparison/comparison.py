"""A comparison from question to results: lay out the grid, train what is missing, judge, write."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..base.errors import MtlError
from ..base.files import write_json, write_text
from ..base.notebook import box
from ..discovery.registry import Registry
from ..execution.choosing import Hands
from .earlier import earlier_variants
from .folder import ComparisonFolder
from .grid import MISSING, Grid
from .outcomes import Outcome, outcomes_of
from .page import page
from .power import power_of
from .progress import ComparisonProgress
from .results import results
from .running import Failure, Runner
from .sheets import cells_sheet, summary_sheet


@dataclass(frozen=True)
class Comparison:
    """A finished comparison: its folder, and the content of its `compare.json`.

    `exit_status` is 0 when every cell that can be trained was, else that of the first failure.
    """

    path: Path
    results: Mapping[str, Any] = field(repr=False)
    exit_status: int = 0

    @property
    def verdicts(self) -> list[str]:
        """One sentence per variant."""
        return list(self.results["verdicts"])

    def _repr_html_(self) -> str:
        said = "\n".join(f"<li>{html.escape(text)}</li>" for text in self.verdicts)
        return box(f"Comparison {self.path}", f"the page: {self.path / 'report.html'}", f"<ul>{said}</ul>")

    def raise_if_incomplete(self) -> None:
        """Raise `IncompleteError` when something that can be trained was not."""
        if not self.exit_status:
            return
        rows = [row["name"] for row in self.results.get("variants", ()) if row["status"] == MISSING]
        rows += [
            f"{cell['name']}, seed {cell['seed']}"
            for cell in self.results["cells"]
            if cell["status"] == "failed"
        ]
        shown = "; ".join(rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
        raise IncompleteError(f"not trained: {shown}", self.exit_status)


class IncompleteError(MtlError):
    """A comparison is finished but for what could not be trained; `status` is that of the first failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(
            message, hint="the reasons are in the table; repeating the command tries these again"
        )
        self.status = status


def write_results(path: Path, found: Mapping[str, Any]) -> None:
    """Write `compare.json`, the two sheets and the page into a folder, each atomically."""
    write_json(path / "compare.json", found)
    write_text(path / "cells.csv", cells_sheet(found))
    write_text(path / "summary.csv", summary_sheet(found))
    write_text(path / "report.html", page(found))


class Judge(Protocol):
    """Makes the results of a grid from the outcomes of its cells, as JSON values.

    `planned` seeds were decided on beforehand; `earlier` variants were judged here and are asked for no more.
    """

    def __call__(
        self, grid: Grid, outcomes: Mapping[str, Outcome], notes: Sequence[str], planned: int, earlier: int
    ) -> dict[str, Any]: ...


@dataclass
class Comparing:
    """How a grid is trained: by whom, with or without export.

    `judge` says what follows from the cells, `write` leaves it in the folder.
    """

    registry: Registry
    hands: Hands
    progress: ComparisonProgress = field(default_factory=ComparisonProgress)
    publishes: bool = False
    plugin_files: tuple[Path, ...] = ()
    judge: Judge = results
    write: Callable[[Path, Mapping[str, Any]], None] = write_results

    def run(self, grid: Grid, path: Path, *, force: bool = False) -> Comparison:
        """Train what is not yet trained in the folder `path`, and write the results."""
        opened = ComparisonFolder.open(
            path,
            grid.plan(),
            self.progress.warning,
            seeds=len(grid.seeds),
            force=force,
            shared=self.hands.shares and not force,
        )
        with opened as folder:
            planned = folder.planned(grid.plan(), len(grid.seeds))
            self.progress.planned(power_of(grid, planned).sentence())
            runner = Runner(
                folder,
                self.registry,
                self.hands,
                grid.yardsticks,
                self.progress,
                self.publishes,
                self.plugin_files,
                adopts=not force,
            )
            failures = runner.run(grid.cells)
            outcomes, earlier = outcomes_of(grid, folder, failures), earlier_variants(grid, folder)
            found = self.judge(grid, outcomes, runner.notes, planned, earlier)
            folder.check()
            self.write(path, found)
            if not failures:
                folder.complete()
            elif folder.replaced.exists():
                kept = f"the comparison that this one replaces is kept in {folder.replaced}"
                self.progress.warning(f"{kept} until all cells are trained")
        return Comparison(path, found, _status(grid, failures))


def _status(grid: Grid, failures: Mapping[str, Failure]) -> int:
    statuses = [variant.exit_status for variant in grid.variants if variant.exit_status]
    statuses += [failures[cell.key].status for cell in grid.cells if cell.key in failures]
    return statuses[0] if statuses else 0
