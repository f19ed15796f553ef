"""Files at the boundary: written so that a reader sees the old content or the new one, read with distrust."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from .errors import MissingRequirementError, MtlError, UsageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn a full disk into `MissingRequirementError`, another refusal into `UsageError`, naming the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise MissingRequirementError(
                f"the disk is full: cannot write {path}",
                hint="free some space and repeat; files written before are intact",
            ) from None
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}", hint="choose another place"
        ) from None


@contextmanager
def reading(path: Path | str, what: str, *, hint: str, error: type[MtlError] = UsageError) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read as `what` into one refusal that names it.

    Every reader of a file, ours or a stranger's, stands in this block: parsers raise whatever they like, so
    no types are listed. What is a refusal already passes, as do an interrupt and the end of the process.

    >>> with reading("digit.png", "an image", hint="replace it by an intact one"):
    ...     raise KeyError("tile")
    Traceback (most recent call last):
    mtl.core.errors.UsageError: digit.png: cannot be read as an image: KeyError: 'tile'
      hint: replace it by an intact one
    """
    try:
        yield
    except MtlError:
        raise
    except Exception as problem:
        raise error(f"{path}: cannot be read as {what}: {_reason(problem)}", hint=hint) from problem


def _reason(problem: Exception) -> str:
    """Say what happened in one line: the system's own words, or the kind of exception and its first line."""
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    lines = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {lines[0]}" if lines else type(problem).__name__


@contextmanager
def open_regular(path: Path, what: str, *, hint: str) -> Iterator[BinaryIO]:
    """Open a regular file to be read as `what`; raise `UsageError` that names it for whatever goes wrong.

    Nothing else is opened: a pipe would wait for a writer, and a device never ends.
    """
    with reading(path, what, hint=hint), open(path, "rb", opener=_without_waiting) as file:
        kind = stat.S_IFMT(os.fstat(file.fileno()).st_mode)
        if kind != stat.S_IFREG:
            raise UsageError(f"{path}: is {_KINDS.get(kind, 'no file')}, expected {what}", hint=hint)
        yield file


def read_bytes(path: Path, what: str, *, hint: str, most: int) -> bytes:
    """Return the content of a regular file, read as `what`; refuse one of more than `most` bytes."""
    with open_regular(path, what, hint=hint) as file:
        content = read_at_most(file, most + 1)
        if len(content) > most:
            raise UsageError(f"{path}: more than {most:,} bytes, too many for {what}", hint=hint)
        return bytes(content)


def read_at_most(file: IO[bytes], most: int) -> bytearray:
    """Return the next bytes of a file, up to `most`; memory is taken for what there is."""
    content = bytearray()
    while chunk := file.read(min(most - len(content), 1 << 18)):
        content += chunk
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open a file as `open` does; a pipe without a writer is opened at once, and can be told apart."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: temporary file in the same folder, flush, fsync, replace, fsync the folder.

    Raises `MissingRequirementError` when the disk is full; the old file is then intact.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, content.encode())


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON atomically; raise `ValueError` on a number JSON does not know."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
