"""Writing files so that a reader sees the old content or the new one, never half of it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import MissingRequirementError, UsageError

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
