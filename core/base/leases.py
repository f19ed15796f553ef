"""Claims that end by themselves: whoever holds one is heard of, and one who is not heard of holds nothing.

A claim on `PLACE` is the file `PLACE.claim-N` with the highest N. Making the file is the claim, which the
file system lets one do; taking it over from who is gone is making the file with the next number. So nothing
is ever taken away that somebody else may have taken just now. No clock is read: who waits counts by his own
how long the file has said the same. On the holder's own machine a lock of the kernel tells at once that he is
dead.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cores import boot_name
from .errors import UsageError
from .files import read_text, writing_to

BEAT = 5.0
"""Seconds between two signs of life."""
PATIENCE = 60.0
"""Seconds without a sign of life after which a claim counts as none."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MOST = 10_000


class Lease:
    """A claim that is held, with a thread that gives signs of life, until `leave` or `finish`."""

    def __init__(self, path: Path, descriptor: int, where: str, beat: float) -> None:
        self.path = path
        self.token = uuid.uuid4().hex
        self._descriptor = descriptor
        self._holder = {"host": platform.node(), "boot": boot_name(), "pid": os.getpid(), "where": where}
        self._beats = 0
        self._lost = self._over = False
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._say("held")
        self._thread = threading.Thread(target=self._live, args=(beat,), daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether somebody else has taken it over, or it was taken away."""
        if not self._lost:
            place, number = _parts(self.path)
            self._lost = _claim(place, number + 1).exists() or not self._is_there()
        return self._lost

    def leave(self) -> None:
        """Let others take it: what it was held for is not done."""
        self._end("left")

    def finish(self) -> None:
        """Let nobody take it, as what it was held for is done and can be seen: remove all claims on it."""
        self._end("done")
        place, number = _parts(self.path)
        for earlier in range(number + 1):
            _claim(place, earlier).unlink(missing_ok=True)

    def _end(self, state: str) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(OSError):  # a disk that is gone: others find that nothing is heard any more
            self._say(state)
        os.close(self._descriptor)

    def _live(self, beat: float) -> None:
        while not self._ended.wait(beat):
            with suppress(OSError):  # a disk may be away for a while
                self._beats += 1
                self._say("held")

    def _say(self, state: str) -> None:
        said = {"state": state, "token": self.token, "beats": self._beats, **self._holder}
        os.pwrite(self._descriptor, json.dumps(said).ljust(500).encode() + b"\n", 0)
        os.fsync(self._descriptor)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False


def claim(place: Path, where: str, *, abandoned: int = -1, beat: float = BEAT) -> Lease | None:
    """Claim a place; None where somebody holds it.

    `abandoned` is the number of a claim that a `Watch` knows to be of no use any more. Raises as
    `files.write_bytes` does where nothing can be written.
    """
    number = _latest(place)
    if number > abandoned and not _is_given_up(_claim(place, number)):
        return None
    path = _claim(place, number + 1)
    with writing_to(path):
        try:
            descriptor = os.open(path, _FLAGS, 0o644)
        except FileExistsError:
            return None
    with suppress(OSError):  # on a file system without locks its signs of life must do
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with writing_to(path):
        return Lease(path, descriptor, where, beat)


@dataclass
class Watch:
    """Looks at claims, and knows by its own clock how long each of them has said the same."""

    patience: float = PATIENCE
    _seen: dict[Path, tuple[str, float]] = field(default_factory=dict)

    def free(self, place: Path) -> int | None:
        """Return the number of the last claim, abandoned: -1 where there was none, None where one stands."""
        number = _latest(place)
        path = _claim(place, number)
        if number < 0 or _is_given_up(path):
            return number
        said, now = _text(path), time.monotonic()
        before, since = self._seen.get(path, ("", now))
        if said != before:
            before, since = said, now
        self._seen[path] = (before, since)
        return number if now - since >= self.patience else None

    def holder(self, place: Path) -> str | None:
        """Return where a place is worked at, as far as its claim tells; None where it is not."""
        said = _said(_claim(place, _latest(place)))
        return str(said.get("where", "?")) if said.get("state") == "held" else None


def _latest(place: Path) -> int:
    """Return the number of the newest claim, -1 where there is none."""
    number = 0
    while _claim(place, number).exists():
        number += 1
    return number - 1


def _claim(place: Path, number: int) -> Path:
    return place.with_name(f"{place.name}.claim-{number}")


def _parts(path: Path) -> tuple[Path, int]:
    name, _, number = path.name.rpartition(".claim-")
    return path.with_name(name), int(number)


def _is_given_up(path: Path) -> bool:
    """Return whether a claim says so, or its holder was on this machine and is dead."""
    said = _said(path)
    if said.get("state") in ("left", "done"):
        return True
    return bool(said) and said.get("boot") == boot_name() != "" and _is_dead(path)


def _is_dead(path: Path) -> bool:
    """Return whether the kernel's lock that a holder on this machine has is free."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # it is held, or the file system knows no locks
        return False
    finally:
        os.close(descriptor)
    return True


def _said(path: Path) -> Mapping[str, Any]:
    """Return what a claim says, nothing where that cannot be read: it may be half written just now."""
    try:
        said = json.loads(_text(path))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _text(path: Path) -> str:
    try:
        return read_text(path, "a claim", hint="remove it", most=_MOST)
    except UsageError:
        return ""
