"""What a comparison tells while it runs; the command line shows it, a program may ignore it."""

from __future__ import annotations

from collections.abc import Mapping

from .cells import Cell


class ComparisonProgress:
    """Receives the events of a comparison; this one ignores them all."""

    def planned(self, text: str) -> None:
        """Before anything is trained: what the comparison can find with its seeds and variants."""

    def started(self, total: int, finished: int, adopted: int) -> None:
        """Training begins: so many cells, so many of them finished before, or taken from a neighbour."""

    def trained(self, cell: Cell, seconds: float, metrics: Mapping[str, float | None]) -> None:
        """A cell is finished; `metrics` has the judged metric of each of its tasks on the test split."""

    def trained_elsewhere(self, cell: Cell, seconds: float, metrics: Mapping[str, float | None]) -> None:
        """Another driver has finished a cell meanwhile."""
        self.trained(cell, seconds, metrics)

    def at_work(self, places: Mapping[str, str]) -> None:
        """From time to time: where the cells are that are trained now, by title, other drivers' too."""

    def failed(self, cell: Cell, reason: str) -> None:
        """A cell could not be trained; the others go on."""

    def failed_elsewhere(self, cell: Cell, reason: str) -> None:
        """Another driver could not train a cell."""
        self.failed(cell, reason)

    def warning(self, text: str) -> None:
        """Something went wrong that does not stop the comparison."""

    def stopped(self) -> None:
        """The comparison is over, finished or not."""
