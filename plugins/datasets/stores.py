"""Where a data set has its files, a folder or a zip file: looked up by names from a table, none trusted."""

from __future__ import annotations

import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...core.base.errors import UsageError
from ...core.base.files import open_regular, read_at_most, read_bytes, reading
from .class_folders import refuse_outside


class Store(ABC):
    """Files by their names below one place, parted by `/`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def shown(self, name: str) -> str:
        """Return a file's name for messages."""
        return str(self.path / name)

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether there is a file of this name; none is outside the store."""

    @abstractmethod
    def read(self, name: str, what: str, *, hint: str, most: int) -> bytes:
        """Return a file's content; raise `UsageError` when it cannot be had or has more than `most` bytes."""


class FolderStore(Store):
    """The regular files of a folder."""

    def has(self, name: str) -> bool:
        return _is_below(name) and os.path.isfile(self.path / name)  # noqa: PTH113 - never raises

    def read(self, name: str, what: str, *, hint: str, most: int) -> bytes:
        path = self.path / name
        for part in (path, *(self.path / folder for folder in PurePosixPath(name).parents)):
            if part != self.path:
                refuse_outside(part, self.path)
        return read_bytes(path, what, hint=hint, most=most)


class ZipStore(Store):
    """The members of a zip file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        super().__init__(path)
        self._archive = archive

    def has(self, name: str) -> bool:
        return _is_below(name) and name in self._archive.NameToInfo

    def read(self, name: str, what: str, *, hint: str, most: int) -> bytes:
        shown = self.shown(name)
        with reading(shown, what, hint=hint), self._archive.open(name) as member:
            # What a member unpacks to is counted, and not believed.
            content = read_at_most(member, most + 1)
        if len(content) > most:
            raise UsageError(f"{shown}: more than {most:,} bytes, too many for {what}", hint=hint)
        return bytes(content)


@contextmanager
def open_store(path: Path, *, hint: str) -> Iterator[Store]:
    """Open a folder, or a zip file; raise `UsageError` when it is neither."""
    if not path.is_file():
        yield FolderStore(path)
        return
    with (
        open_regular(path, "a zip file", hint=hint) as file,
        zipfile.ZipFile(file) as archive,
    ):
        yield ZipStore(path, archive)


def _is_below(name: str) -> bool:
    """Return whether a name leads to something below the place it is looked up in.

    >>> [_is_below(name) for name in ("a.png", "b/a.png", "../a.png", "/etc/passwd", "..\\\\a.png", "")]
    [True, True, False, False, False, False]
    """
    parts = name.replace("\\", "/").split("/")
    return "\0" not in name and all(part not in ("", ".", "..") for part in parts)
