"""Disturbing a process at its n-th file operation: disturb.c, compiled and loaded before Python starts."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_SOURCE = Path(__file__).with_name("disturb.c")
_LOADED = "MTL_RELIABILITY_DISTURB"


class Action(IntEnum):
    """What happens at the operation; the numbers are those of disturb.c."""

    NOTHING = 0
    KILL = 1
    TORN = 2
    IO_ERROR = 3
    FULL_ONCE = 4
    FULL = 5
    SHORT = 6


@dataclass(frozen=True)
class Disturbance:
    """An action at the n-th operation below a path; operations are logged into a file if one is named."""

    below: Path
    operation: int = 0
    action: Action = Action.NOTHING
    log: Path | None = None

    def arm(self) -> None:
        """Begin to count, in this process and in what it forks."""
        log = str(self.log or "").encode()
        ctypes.CDLL(None).disturb_arm(os.fsencode(self.below), self.operation, int(self.action), log)


def can_disturb() -> bool:
    """Return whether disturb.c is loaded here."""
    return hasattr(ctypes.CDLL(None), "disturb_arm")


def start_again() -> None:
    """Replace this process by one that can disturb; return where it can already.

    Raises `OSError` or `CalledProcessError` when there is no C compiler.
    """
    if folder := os.environ.pop(_LOADED, None):
        # It is loaded: forks keep it, and other programs that are started need none.
        os.environ.pop("LD_PRELOAD")
        shutil.rmtree(folder)
    if can_disturb():
        return
    folder = tempfile.mkdtemp(prefix="mtl-disturb-")
    library = f"{folder}/disturb.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, str(_SOURCE), "-ldl"], check=True)
    os.environ |= {"LD_PRELOAD": library, _LOADED: folder}
    os.execv(sys.executable, sys.orig_argv)


def operations(log: Path) -> list[tuple[str, str]]:
    """Return what was logged: each operation's name and its path."""
    lines = log.read_text(errors="surrogateescape").splitlines()
    return [(name, path) for name, _, path in (line.partition(" ") for line in lines)]
