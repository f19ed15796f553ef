"""Says which plugin a command waits for while it is imported, and which one ended the last command.

A plugin may hang, or end the process, before anything can be said about it. So a notice is due after two
seconds, and what is being imported, or is at work, is noted in the user's cache: whoever starts next finds
the note of a process that is gone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.cache import cache_folder
from ..base.errors import UsageError
from ..base.files import read_bytes
from .home import HOME

if TYPE_CHECKING:
    from .plugin_loading import Provider

_MOST = 2**20
"""Bytes of a note that none comes near."""

SECONDS = 2.0
"""So long a plugin may take before it is named."""


@contextmanager
def told_when_slow(text: str, seconds: float = SECONDS) -> Iterator[None]:
    """Write a line to stderr when the block takes longer; nothing is stopped."""
    timer = threading.Timer(seconds, tell, (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def tell(text: str) -> None:
    """Write a line to stderr, if there is one."""
    with suppress(Exception):  # a plugin may have closed it
        print(text, file=sys.stderr, flush=True)


@contextmanager
def noted(line: str) -> Iterator[None]:
    """Keep a line for whoever starts next, should the process end within this block.

    Within another such block of the process it does nothing: that one's line stands.
    """
    folder, prefix = _place()
    path = None
    if folder is not None and prefix:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / f"{prefix}{os.getpid()}"
            with place.open("x", encoding="utf-8") as file:
                path = place
                file.write(line)
    try:
        yield
    finally:
        if path is not None:
            with suppress(OSError):
                path.unlink()


def _place() -> tuple[Path | None, str]:
    """Return the folder of the notes, and how the names of this machine's begin.

    The latter is empty where a process cannot be asked whether it lives without harm.
    """
    cache = cache_folder()
    prefix = f"{os.uname().nodename}-" if hasattr(os, "uname") else ""
    return (None if cache is None else cache / "importing"), prefix


class ImportMarks:
    """Notes the plugin that this process imports, and tells of notes whose process is gone."""

    def __init__(self) -> None:
        self._folder, self._prefix = _place()
        self._path: Path | None = None

    def __enter__(self) -> ImportMarks:
        with suppress(OSError):
            self._tell_of_the_last()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    @contextmanager
    def of(self, provider: Provider) -> Iterator[None]:
        """Note a plugin for as long as the block takes; the core's own need no watching."""
        if provider.distribution == HOME:
            yield
            return
        with suppress(OSError):
            self._note(provider)
        with told_when_slow(f"still importing {provider.named} ...\n{remedy(provider)}"):
            yield

    def _note(self, provider: Provider) -> None:
        if self._folder is None or not self._prefix:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._path = self._folder / f"{self._prefix}{os.getpid()}"
        line = f"warning: the last command ended while {provider.named} was imported\n{remedy(provider)}"
        self._path.write_text(line, encoding="utf-8")

    def _tell_of_the_last(self) -> None:
        if self._folder is None or not self._prefix:
            return
        for path in list(self._folder.iterdir()):
            process = path.name.removeprefix(self._prefix)
            if path.name.startswith(self._prefix) and process.isdecimal() and not _lives(int(process)):
                with suppress(UsageError):  # what is no file is no note
                    note = read_bytes(path, "the note of a process", hint="remove it", most=_MOST)
                    path.unlink()
                    tell(note.decode(errors="replace"))


def remedy(provider: Provider) -> str:
    """Return the line that says how to do without a plugin."""
    if Path(provider.distribution).is_absolute() or provider.distribution.endswith(".py"):
        return f"  hint: leave out --plugin {provider.distribution}"
    return f"  hint: MTL_DISABLE_PLUGINS={provider.name} switches it off"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
