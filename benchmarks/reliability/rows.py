"""The rows of the scorecard, in order."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .row import Row


def all_rows() -> dict[str, Row]:
    """Return the rows by name: every file of this package called `rNN_...` has one."""
    files = sorted(Path(__file__).parent.glob("r[0-9][0-9]_*.py"))
    rows: list[Row] = [import_module(f"{__package__}.{file.stem}").ROW for file in files]
    return {row.name: row for row in rows}
