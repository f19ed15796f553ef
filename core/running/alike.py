"""The exported file of an earlier run in the form of a later one's: like is compared with like."""

from __future__ import annotations

from pathlib import Path

from ..contracts import Exporter
from .exporting import export
from .pipeline import Outcome
from .run import Run


def file_of(run: Run) -> Path:
    """Return where a run's own export lies, or would."""
    return run.path / run.composition.exporter.file_name


def file_alike(run: Run, outcome: Outcome, folder: Path) -> Path:
    """Return a file of a run's model, of all its tasks, exported as another run's recipe says.

    It is the run's own where that is of this form. Otherwise, and where `mtl export` has put another in its
    place, one is made in `folder`. Raises as an export does.
    """
    own = file_of(run)
    if run.composition.recipe.export == outcome.composition.recipe.export and run.folder.left(own):
        return own
    exporter: Exporter = outcome.composition.exporter
    path, splits = folder / exporter.file_name, run.splits
    with outcome.composition.at_work("in the export"):
        report = export(run.composition, splits.validation, run.metrics, path, exporter, splits=splits)
    return report.files[0]
