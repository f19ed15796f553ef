"""From the layout to the folder: trains what is missing, judges, writes JSON, picture and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.files import write_json, write_text
from ..comparison.comparison import Comparing
from ..comparison.folder import usual_folder
from ..comparison.grid import Grid
from ..comparison.outcomes import Outcome
from ..comparison.progress import ComparisonProgress
from ..comparison.sheets import cells_sheet
from ..discovery.registry import Registry
from ..execution.choosing import Hands
from .layout import Layout
from .page import page
from .picture import picture, standalone
from .results import affinity_results


def comparing(
    layout: Layout,
    registry: Registry,
    hands: Hands,
    progress: ComparisonProgress | None = None,
    plugin_files: Sequence[Path] = (),
) -> Comparing:
    """Return what has the cells of a layout trained, and judges them by its budget."""

    def judge(
        grid: Grid, outcomes: Mapping[str, Outcome], notes: Sequence[str], planned: int, earlier: int
    ) -> dict[str, Any]:
        return affinity_results(layout, outcomes, notes, planned)

    return Comparing(
        registry,
        hands,
        progress or ComparisonProgress(),
        plugin_files=tuple(plugin_files),
        judge=judge,
        write=write_affinity,
    )


def folder_of(layout: Layout, parent: Path) -> Path:
    """Return the folder where nobody named one: that of the same question, or a free one."""
    return usual_folder(parent, f"affinity-{'-'.join(layout.tasks[:3])}", layout.grid.plan())


def write_affinity(path: Path, found: Mapping[str, Any]) -> None:
    """Write `affinity.json`, the picture, the sheet of every training and the page, each atomically."""
    write_json(path / "affinity.json", found)
    write_text(path / "affinity.svg", standalone(picture(found)))
    write_text(path / "cells.csv", cells_sheet(found))
    write_text(path / "report.html", page(found))
