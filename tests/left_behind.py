"""What a run of the tests leaves behind in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def visible(folders: Iterable[Path]) -> set[Path]:
    """Return what lies in folders, but for caches: Python's, and those of tools, which begin with a dot."""
    found = (path for folder in folders for path in folder.iterdir())
    return {path for path in found if not path.name.startswith((".", "__pycache__"))}
