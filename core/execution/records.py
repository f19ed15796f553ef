"""What lies beside the run folder of a cell: its log, and why it failed last."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import read_json, remove, write_json, writing_to
from ..base.progress import Progress

_HINT = "remove it: the cell is trained again"


class Warnings(Progress):
    """Remembers warnings, and nothing else of a run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, text: str) -> None:
        self.texts.append(text)


class CellLog(Warnings):
    """Appends what a training tells to `CELL.log`, a line each with its time, and remembers warnings.

    After every epoch it asks `stands` whether the training is still wanted, and raises `TakenOver` if not.
    """

    def __init__(self, path: Path, where: str, stands: Callable[[], bool]) -> None:
        super().__init__()
        self.path = beside(path, ".log")
        self._where, self._stands = where, stands

    def line(self, text: str) -> None:
        """Add a line."""
        said = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self._where}: {text}\n"
        with writing_to(self.path), self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(said)

    def failed(self, error: BaseException, reason: str) -> None:
        """Add why it failed, and where in the code."""
        self.line(f"failed: {reason}\n{''.join(traceback.format_exception(error)).rstrip()}")

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        self.line(f"trains {epochs} epochs on {device}")

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        losses = ", ".join(f"{name} {value:.5g}" for name, value in row.items() if name.endswith("/loss"))
        self.line(f"epoch {epoch}: {losses}")
        if not self._stands():
            raise TakenOver

    def warning(self, text: str) -> None:
        super().warning(text)
        self.line(f"warning: {text}")


class TakenOver(Exception):  # noqa: N818 - no error: it only leaves the training
    """Somebody else trains the cell now, as nothing had been heard from here for too long."""


def beside(path: Path, ending: str) -> Path:
    """Return the file beside a cell's run folder with such an ending."""
    return path.with_name(path.name + ending)


def write_failure(path: Path, token: str, reason: str, status: int) -> None:
    """Keep why the training by the holder of a claim failed, for others that wait for it."""
    write_json(beside(path, ".failed.json"), {"token": token, "reason": reason, "status": status})


def forget_failure(path: Path) -> None:
    """Remove the failure of an earlier training: the cell is finished."""
    remove(beside(path, ".failed.json"))


def read_failure(path: Path) -> Mapping[str, Any] | None:
    """Return the token, reason and status of the last failure, None where there is none that can be read."""
    with suppress(UsageError):
        said = read_json(beside(path, ".failed.json"), "a failure", hint=_HINT)
        if isinstance(said, dict) and {"token", "reason", "status"} <= set(said):
            return said
    return None


def where_on(device: str) -> str:
    """Return a place as people call it: the machine, and the device there."""
    return f"{platform.node()} {device}"
