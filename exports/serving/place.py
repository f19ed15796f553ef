"""A name under which a model is served: its file, what was read of it, and why nothing was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..proof import TOGETHER, proof_path
from .refusal import Refusal
from .served_model import VERSION, ServedModel

Stamp = tuple[tuple[int, int, int] | None, ...]
"""What a file and the proof beside it were like: their numbers, sizes and times; None where there is none."""

REFUSED = "its file cannot be served; what the server prints says why"
WITHDRAWN = "it was unloaded"


@dataclass(eq=False)
class Place:
    """Where a model stands; `stamp` is that of the file that was looked at last, whatever came of it.

    `reason` says why there is no model, or why the newest file is not the one that answers. It names nothing
    of this machine, for clients read it.
    """

    name: str
    path: Path
    model: ServedModel | None = None
    reason: str = ""
    stamp: Stamp | None = None
    pending: Stamp | None = None
    withdrawn: bool = False
    used: dict[ServedModel, int] = field(default_factory=dict)

    @contextmanager
    def lent(self) -> Iterator[ServedModel]:
        """Give the model, which is not closed until the block ends; raise `Refusal` when there is none."""
        model = self.model
        if model is None:
            raise Refusal(f"model {self.name!r} is not ready: {self.reason}", 503)
        self.used[model] = self.used.get(model, 0) + 1
        try:
            yield model
        finally:
            left = self.used[model] - 1
            if left:
                self.used[model] = left
            else:
                del self.used[model]

    def row(self) -> dict[str, Any]:
        """Return what the index of models says of it."""
        state = "READY" if self.model else "UNAVAILABLE"
        return {"name": self.name, "version": VERSION, "state": state, "reason": self.reason}


def stamp_of(path: Path) -> Stamp:
    """Return what a file is like now, without reading it."""
    return tuple(_stat(file) for file in (path, proof_path(path), path.with_name(TOGETHER)))


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
