"""Files at the boundary: written so that a reader sees the old content or the new one, read with distrust."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import shutil
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from .errors import MissingRequirementError, MtlError, UsageError, described

PARTIAL = ".partial"
"""How the names of unfinished files and folders end; they begin with a dot."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MOST_JSON = 2**30
"""Bytes of a JSON file of ours that no run comes near."""

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP}
"""What file systems answer that cannot force a folder to the disk."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What file systems answer that know no second name of a file."""


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
    mtl.core.base.errors.UsageError: digit.png: cannot be read as an image: KeyError: 'tile'
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
    return described(problem)


@contextmanager
def open_regular(
    path: Path, what: str, *, hint: str, error: type[MtlError] = UsageError
) -> Iterator[BufferedReader]:
    """Open a regular file to be read as `what`; raise `error` that names it for whatever goes wrong.

    Nothing else is opened: a pipe would wait for a writer, and a device never ends.
    """
    with (
        reading(path, what, hint=hint, error=error),
        open(path, "rb", opener=_without_waiting) as file,
    ):
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise error(f"{path}: is {_kind(mode)}, expected {what}", hint=hint)
        yield file


def read_bytes(path: Path, what: str, *, hint: str, most: int, error: type[MtlError] = UsageError) -> bytes:
    """Return the content of a regular file, read as `what`; refuse one of more than `most` bytes."""
    with open_regular(path, what, hint=hint, error=error) as file:
        size = os.fstat(file.fileno()).st_size
        # At once, where the size is true: a gigabyte is then held once.
        content: bytes | bytearray = file.read(size + 1) if size <= most else b""
        if len(content) > size:
            content = bytearray(content) + read_at_most(file, most)
        if max(size, len(content)) > most:
            raise error(f"{path}: more than {most:,} bytes, too many for {what}", hint=hint)
        return bytes(content)


def read_text(path: Path, what: str, *, hint: str, most: int, error: type[MtlError] = UsageError) -> str:
    """Return the UTF-8 text of a regular file, read as `what`, as `read_bytes` does."""
    content = read_bytes(path, what, hint=hint, most=most, error=error)
    with reading(path, what, hint=hint, error=error):
        return content.decode("utf-8")


def read_at_most(file: IO[bytes], most: int) -> bytearray:
    """Return the next bytes of a file, up to `most`; memory is taken for what there is."""
    content = bytearray()
    while chunk := file.read(min(most - len(content), 1 << 18)):
        content += chunk
    return content


def read_json(path: Path, what: str, *, hint: str, error: type[MtlError] = UsageError) -> Any:
    """Return the value in a JSON file, read as `what`; whatever goes wrong is a refusal that names it."""
    content = read_bytes(path, what, hint=hint, most=_MOST_JSON, error=error)
    with reading(path, what, hint=hint, error=error):
        return json.loads(content)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file as `open` does; a pipe without a writer is opened at once, and can be told apart."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "no file")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically and durably into a folder that exists.

    Raises `MissingRequirementError` when the disk is full, `UsageError` when it cannot be written for another
    reason, such as a folder that is gone; the old file is then intact.
    """
    with unpublished((path,)):
        write_partial(path, content)
        publish((path,))


def write_new(path: Path, content: bytes) -> bool:
    """Write a file as `write_bytes` does where there is none yet; return whether this one did."""
    with unpublished((path,)):
        write_partial(path, content)
        with writing_to(path):
            try:
                os.link(partial(path), path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return _written_first(path, content)
            sync_folder(path.parent)
    return True


def _written_first(path: Path, content: bytes) -> bool:
    """Write a new file where the file system knows no links: readers may see it half written."""
    try:
        with path.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        return False
    return True


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically, whatever the locale.

    A name's bytes that the locale could not decode (Python's surrogates) are written as those bytes.
    """
    write_bytes(path, content.encode("utf-8", "surrogateescape"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON atomically; raise `ValueError` on a number JSON does not know."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are missing; raise as `write_bytes` does."""
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)


def refuse_link(path: Path) -> None:
    """Raise `UsageError` where a link stands for a folder of ours: what lies behind it is somebody else's."""
    if path.is_symlink():
        raise UsageError(
            f"{path} is a link: mtl writes and deletes in folders of its own only",
            hint="put the folder itself in its place",
        )


def make_own_folder(path: Path) -> None:
    """Make a folder in one that exists, unless it is there; raise `UsageError` for a link in its place."""
    with writing_to(path):
        refuse_link(path)
        path.mkdir(exist_ok=True)


def partial(path: Path) -> Path:
    """Return this thread's unfinished file that will become `path`: in its folder, so that it can move."""
    writer = f"{platform.node()} {os.getpid()} {threading.get_native_id()}"
    return path.with_name(f".{path.name[:50]}.{sha256(writer.encode())[:8]}{PARTIAL}")


@contextmanager
def unpublished(paths: Sequence[Path]) -> Iterator[None]:
    """Remove the unfinished files of `paths` at the end, whatever happens.

    Raises `UsageError` when a path is something else than a file, or its folder does not exist.
    """
    for path in paths:
        with writing_to(path):
            # A pipe or a device is somebody's: a file must not come in its place.
            if path.exists() and not path.is_file():
                raise UsageError(
                    f"cannot write {path}: it is {_kind(path.stat().st_mode)}",
                    hint="move it, or choose another place",
                )
            if not path.parent.is_dir():
                raise UsageError(
                    f"cannot write {path}: the folder {path.parent} does not exist",
                    hint="make it first, or choose another place",
                )
    try:
        yield
    finally:
        for path in paths:
            # What cannot be removed is swept by the folder's next writer; an error under way says more.
            with suppress(OSError):
                partial(path).unlink(missing_ok=True)


def write_partial(path: Path, content: bytes) -> None:
    """Write the unfinished file of `path` and force it to the disk; raise as `write_bytes` does."""
    with writing_to(path):
        _clear(partial(path))
        with partial(path).open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())


def _clear(path: Path) -> None:
    """Make room for a new file: what has its name, perhaps a link, is not written through."""
    if os.path.lexists(path):
        path.unlink()


def publish(paths: Sequence[Path]) -> None:
    """Give the unfinished files of one folder their names, in order, and force the folder to the disk.

    Raises as `write_bytes` does.
    """
    for path in paths:
        with writing_to(path):
            partial(path).replace(path)
    with writing_to(paths[-1]):
        sync_folder(paths[-1].parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> str | None:
    """Remove a file or a folder that nobody needs; return why it is still there, if it is."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{path} is of no use any more and cannot be removed: {error.strerror or error}"
    return None


def sweep(folder: Path) -> list[str]:
    """Remove what killed writers left unfinished in a folder, not below; return what cannot be removed.

    Only for who is alone in the folder: a living writer's files look the same.
    """
    return [told for path in sorted(folder.glob(f".*{PARTIAL}")) if (told := remove(path))]


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(file: Path) -> str:
    """Return the SHA-256 checksum of a file's content, however large it is."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Return the SHA-256 of JSON values, however they are laid out in a file."""
    return sha256(json.dumps(value, sort_keys=True).encode())
