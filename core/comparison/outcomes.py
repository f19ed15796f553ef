"""What each cell came to: its test metrics, its curves and its time, read from its run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..folders.run_folder import RunFolder
from .cells import Cell
from .folder import ComparisonFolder
from .grid import Grid
from .running import Failure
from .yardsticks import compared_metrics


@dataclass(frozen=True)
class Outcome:
    """One cell's row. `metrics` are those of the test split by task; `reason` says why there are none.

    With `train.select` per-task, `metrics` and `chosen_epoch` are those of each task's own best epoch.
    """

    cell: Cell
    folder: str
    status: str
    reason: str | None = None
    metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    origin: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values, without the history."""
        return {
            "name": self.cell.title,
            "task": self.cell.task,
            "seed": self.cell.seed,
            "status": self.status,
            "reason": self.reason,
            "metrics": {task: dict(values) for task, values in self.metrics.items()},
            **{name: self.training.get(name) for name in ("seconds", "epochs", "chosen_epoch")},
            "channels_last": self.cell.recipe.train.channels_last,
            "folder": self.folder,
            "key": self.cell.key,
        }


def outcomes_of(grid: Grid, folder: ComparisonFolder, failures: Mapping[str, Failure]) -> dict[str, Outcome]:
    """Return the outcome of every cell by its key; a single-task run keeps the metrics of its task alone."""
    return {cell.key: _outcome(cell, folder, failures.get(cell.key)) for cell in grid.cells}


def _outcome(cell: Cell, folder: ComparisonFolder, failure: Failure | None) -> Outcome:
    path = folder.cell(cell)
    where = str(path.relative_to(folder.path))
    if failure is not None:
        return Outcome(cell, where, "failed", failure.reason)
    run = RunFolder(path)
    content = run.read_metrics()
    metrics = compared_metrics(content)
    if cell.task is not None:
        metrics = {cell.task: metrics[cell.task]}
    training = content["training"]
    if own := content.get("own_epoch"):
        training = training | {"chosen_epoch": {task: found["epoch"] for task, found in own.items()}}
    return Outcome(
        cell,
        where,
        "trained",
        metrics=metrics,
        training=training,
        history=run.read_history(),
        origin=folder.origin_of(cell),
    )
