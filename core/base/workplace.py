"""A folder that one process at a time writes, and that may replace another one of its name.

What it replaces waits beside it as `.NAME.replaced` until the new folder is complete, and every step is one
rename. So whoever comes after a process that was killed finds the old folder at its place or beside it, and
puts it back where nothing came in its stead.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .errors import UsageError
from .files import PARTIAL, make_folder, remove, sweep, write_bytes, writing_to
from .locks import LOCK, Lock, take_lock

REPLACES = ".replaces"
"""The file in a folder that replaces another one and is not complete."""


@dataclass
class Workplace:
    """A folder in which nobody else works; `warn` is told of what could not be removed."""

    path: Path
    warn: Callable[[str], None]
    locks: list[Lock] = field(default_factory=list)

    def set_aside(self) -> None:
        """Begin anew: what is in the folder waits beside it until `finish`.

        What stands there and replaced a folder itself, without getting complete, is deleted: the folder that
        it was to replace is the one to keep. Raises `UsageError` when another one is kept there already.
        """
        if is_empty(self.path):
            return
        kept = replaced(self.path)
        with writing_to(self.path):
            if not kept.exists():
                self.path.rename(kept)
                self.locks[-1].folder = kept
            elif (self.path / REPLACES).exists():
                self._discard(self.path)
            else:
                raise UsageError(
                    f"{kept} is in the way: it was kept when {self.path} was replaced before",
                    hint="move it to another name, or remove it",
                )
            self.path.mkdir()
        self.locks.append(take_lock(self.path))
        write_bytes(self.path / REPLACES, b"")

    def finish(self) -> None:
        """Take the folder for complete: what it replaces is deleted."""
        if not (self.path / REPLACES).exists():
            return
        kept = replaced(self.path)
        try:
            if kept.exists():
                self._discard(kept)
            (self.path / REPLACES).unlink()
        except OSError as error:
            self.warn(f"{kept} was replaced and cannot be removed: {error.strerror or error}")

    def abandon(self) -> None:
        """Delete the folder, and put back what it was to replace."""
        kept = replaced(self.path) if (self.path / REPLACES).exists() else None
        with writing_to(self.path):
            self._discard(self.path)
            if kept is not None:
                kept.rename(self.path)
                self.locks[0].folder = self.path

    def check(self) -> None:
        """Raise `UsageError` when the folder was taken away: nothing may be written into its successor."""
        if not self.locks[-1].stands:
            raise UsageError(
                f"{self.path} was moved or removed while it was written",
                hint="what was written before went with it",
            )

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, *ended: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Let others work here, even where an interrupt comes meanwhile."""
        with ExitStack() as locks:
            for lock in reversed(self.locks):
                locks.callback(lock.release)

    def tidy(self) -> None:
        """Remove what killed processes left half written, and what they no longer needed."""
        gone = _gone(self.path)
        told = [remove(gone)] if gone.exists() else []
        for text in filter(None, [*told, *sweep(self.path), self.locks[-1].missing]):
            self.warn(text)

    def _discard(self, folder: Path) -> None:
        """Delete a folder in one step as seen from outside."""
        gone = _gone(self.path)
        folder.rename(gone)
        if told := remove(gone):
            self.warn(told)


def enter(
    path: Path, warn: Callable[[str], None], *, create: bool = False, shared: bool = False
) -> Workplace:
    """Return a folder to work in alone, tidied up, in its last whole state; made with `create` where missing.

    With `shared` others may enter it likewise, and nothing is tidied. Raises `UsageError` at once when
    somebody else is at work in it.
    """
    restore(path)
    if create:
        make_folder(path)
    if shared:
        return Workplace(path, warn, [take_lock(path, shared=True)])
    return _entered(path, warn)


def enter_new(path: Path, warn: Callable[[str], None]) -> Workplace:
    """Return a new folder: `path` with the first number behind it that is free, as in `NAME-001`."""
    make_folder(path.parent)
    for number in count(1):
        candidate = path.with_name(f"{path.name}-{number:03d}")
        with writing_to(candidate), suppress(FileExistsError):
            if not replaced(candidate).exists():
                candidate.mkdir()
                break
    return _entered(candidate, warn)


def _entered(path: Path, warn: Callable[[str], None]) -> Workplace:
    workplace = Workplace(path, warn, [take_lock(path)])
    workplace.tidy()
    return workplace


def restore(path: Path) -> None:
    """Put back what a killed process set aside, where nothing came in its stead.

    Raises `UsageError` when that process is not dead but at work.
    """
    kept = replaced(path)
    with writing_to(path):
        if not kept.is_dir() or not is_empty(path):
            return
        lock = take_lock(kept)
        try:
            if path.exists():
                # Its own lock too: somebody may have made it just now.
                take_lock(path)
                for item in path.iterdir():
                    item.unlink()
            kept.rename(path)
            lock.folder = path
        finally:
            lock.release()


def replaced(path: Path) -> Path:
    """Return where a folder is kept that the one at `path` replaces, until that one is complete."""
    return _beside(path, "replaced")


def is_empty(path: Path) -> bool:
    """Return whether a folder is missing, or holds nothing but what a process killed at its start leaves."""
    if not path.exists():
        return True
    marks = {LOCK, REPLACES}
    return path.is_dir() and all(
        item.name in marks or (item.name.startswith(".") and item.name.endswith(PARTIAL))
        for item in path.iterdir()
    )


def _gone(path: Path) -> Path:
    return _beside(path, "gone")


def _beside(path: Path, what: str) -> Path:
    here = path.absolute()
    return here.with_name(f".{here.name}.{what}")
