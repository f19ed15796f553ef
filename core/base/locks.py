"""One writer at a time: a lock on a folder that ends with the process that holds it, however it ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import stat
import time
import weakref
from contextlib import suppress
from pathlib import Path

from .errors import UsageError
from .files import writing_to

LOCK = ".lock"
"""The file in a folder that its writer holds; it says who that is."""

_LEAVING = 0.2
"""Seconds that the last of those who share a folder needs, at most, to remove its lock."""
_TAKEN = {errno.EACCES, errno.EAGAIN}
_UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL}
"""What file systems answer that know no locks."""

_NO_FILE = {errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO}
"""What systems answer where a link, a folder or a socket is to be opened as a file."""


class Lock:
    """A folder's lock, held until `release`, until nobody knows it any more, or until the process ends.

    `folder` is to follow a folder that is renamed. `missing` says why nobody is kept out; None where the lock
    works.
    """

    def __init__(self, folder: Path, descriptor: int, missing: str | None, *, shared: bool = False) -> None:
        self.folder = folder
        self.missing = missing
        self._shared = shared
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    @property
    def stands(self) -> bool:
        """Whether the folder is still there and its lock still this one."""
        return self._close.alive and _is(self._descriptor, self.folder / LOCK)

    def release(self) -> None:
        """Let others write, and leave no lock file behind."""
        try:
            # Removed while it is held: who opened it meanwhile finds that it is none any more.
            if self.stands and not (self._shared and _is_taken(self._descriptor, fcntl.LOCK_EX)):
                with suppress(OSError):
                    (self.folder / LOCK).unlink()
        finally:
            self._close()


def take_lock(folder: Path, *, shared: bool = False) -> Lock:
    """Keep other processes, and other threads of this one, from writing in an existing folder.

    Of those who come with `shared` there may be any number at a time, who have claims to keep them apart.
    Raises `UsageError` at once, naming the holder, when somebody else writes there. On a file system that
    knows no locks nobody is kept out, and the lock's `missing` says so.
    """
    path = folder / LOCK
    with writing_to(path):
        while True:
            descriptor = _open(path)
            try:
                missing = _flock(descriptor, folder, shared)
                if _is(descriptor, path):
                    _sign(descriptor)
                    return Lock(folder, descriptor, missing, shared=shared)
            except BaseException:
                os.close(descriptor)
                raise
            # Whoever held it removed it just now.
            os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Return whether somebody is at work in a folder; nothing is made or changed to find out."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # no lock, or none that is a file
        return False
    try:
        # Those who share it are found by the first, and where a reader may not ask so, others by the second.
        return _is_taken(descriptor, fcntl.LOCK_EX) or _is_taken(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a lock's file, or make it; raise `UsageError` for what is none: its file is overwritten."""
    # Without waiting: a pipe would, for its other end.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _no_lock(path) from None
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise _no_lock(path)
    return descriptor


def _no_lock(path: Path) -> UsageError:
    return UsageError(
        f"{path} is a link or no file: it is not the lock of a process at work", hint="remove it, and repeat"
    )


def _is_taken(descriptor: int, kind: int) -> bool:
    """Return whether others keep a lock of a kind from being taken."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _TAKEN
    return False


def _flock(descriptor: int, folder: Path, shared: bool) -> str | None:
    """Take the kernel's lock on an open file; return why that is impossible, where it is."""
    if shared and _is_taken(descriptor, fcntl.LOCK_SH):
        time.sleep(_LEAVING)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise UsageError(
                f"another process is at work in {folder}{_holder(descriptor)}",
                hint="wait for it to end, or choose another folder with --out",
            ) from None
        if error.errno not in _UNKNOWN:
            raise
        return (
            f"the file system of {folder} knows no locks: nothing keeps a second process from writing there"
        )
    return None


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _sign(descriptor: int) -> None:
    """Write who holds the lock into it."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = {"pid": os.getpid(), "host": platform.node(), "since": since}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, (json.dumps(holder) + "\n").encode(), 0)


def _holder(descriptor: int) -> str:
    """Say who holds a lock, as far as its file tells."""
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        return f": process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except Exception:  # whatever a damaged file makes of its reader
        return ""
