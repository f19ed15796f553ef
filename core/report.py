"""report.html: placeholder while the real one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .composition import Composition
from .data import Splits
from .files import write_text
from .run_folder import RunFolder


def write_report(
    folder: RunFolder,
    composition: Composition,
    splits: Splits,
    history: Sequence[Mapping[str, float]],
    metrics: Mapping[str, Any],
    verification: Mapping[str, Any],
) -> None:
    """Write `report.html`."""
    write_text(folder.path / "report.html", "<!doctype html>")
