"""The mark of a finished training: `cell.json` in its run folder, written last, once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import read_bytes, sha256, write_new
from ..folders.json_files import Mark, read_form

MARK = "cell.json"
KEPT = ("recipe.yaml", "metrics.json", "history.csv")
"""Files of a cell whose content its mark vouches for."""

_AGAIN = "repeat the command: the cell is trained again"
_MOST = 2**30
"""Bytes of such a file that none comes near."""


class DamagedCell(Exception):  # noqa: N818 - a finding, handled by training the cell again
    """A finished cell whose files are missing or changed."""


def mark(path: Path, key: str, origin: Mapping[str, str]) -> bool:
    """Declare the run at `path` finished: from here on it is not trained again.

    Returns whether this was the one to do so.
    """
    digests = {name: _digest(path / name) for name in KEPT}
    said = {"key": key, "origin": dict(origin), "sha256": digests}
    return write_new(path / MARK, json.dumps(said, indent=2).encode() + b"\n")


def finished(path: Path, key: str) -> bool:
    """Return whether the run at `path` is the finished training of this key, and intact.

    Raises `DamagedCell` when it was finished and no longer is what it was.
    """
    if not (path / MARK).is_file():
        return False
    try:
        known = read_mark(path)
        if known["key"] != key:
            raise DamagedCell(f"{path / MARK} belongs to another recipe")
        for name in KEPT:
            if not os.path.lexists(path / name):
                raise DamagedCell(f"{path / name} is missing")
            if _digest(path / name) != known["sha256"].get(name):
                raise DamagedCell(f"{path / name} is not what it was when the cell finished")
    except UsageError as error:
        raise DamagedCell(error.message) from None
    return True


def complete(path: Path, key: str, publishes: bool) -> bool:
    """Return whether the training is finished, intact, and exported where it `publishes`; raises likewise."""
    return finished(path, key) and (not publishes or (path / "report.html").is_file())


def unmark(path: Path) -> None:
    """Take a finished training for one that is not: it is to be exported too."""
    (path / MARK).unlink(missing_ok=True)


def read_mark(path: Path) -> dict[str, Any]:
    """Return the mark of a finished training; raise `UsageError` for a damaged one."""
    return read_form(Mark, path / MARK, "the mark of a finished cell", hint=_AGAIN)


def _digest(path: Path) -> str:
    return sha256(read_bytes(path, "a file of a finished cell", hint=_AGAIN, most=_MOST))
