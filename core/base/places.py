"""Places that a user names: read from the root, and known to be usable before work begins that ends there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .errors import UsageError

_BESIDE = len(".") + len(".replaced")
"""Bytes that the longest name made beside a folder of results has more than the folder's."""
_BELOW = 200
"""Bytes kept for the paths of what lies in a folder of results."""
_LONGEST_NAME, _LONGEST_PATH = 255, 4095
"""Bytes of a name and of a path on all systems in use."""


def from_root(path: Path) -> Path:
    """Return an absolute path, with the home folder that `~` means.

    Raises `UsageError` when no home folder is known, the current folder was deleted, or no file can be called
    that. Whether there is one is not asked.
    """
    try:
        path = path.expanduser()
    except RuntimeError:
        raise UsageError(
            f"{path}: no home folder is known for it", hint="write the path from the root, or set HOME"
        ) from None
    if not path.is_absolute():
        refuse_deleted_folder()
    path = path.absolute()
    try:
        path.lstat()
    except ValueError as error:  # a null character, or none of the locale's
        raise UsageError(f"{_shown(path)}: no path: {error}") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{_shown(path)}: {error.strerror}", hint="choose a shorter name") from None
    return path


def refuse_unusable(path: Path) -> None:
    """Raise `UsageError` when no folder of results can be at `path`, for what it is called or where it is.

    Its name must be text in UTF-8 that this locale can express, short enough that files beside and below it
    have room for theirs. Asked before a training, which would end there.

    >>> refuse_unusable(Path("runs") / ("a" * 250))
    Traceback (most recent call last):
    mtl.core.base.errors.UsageError: runs/aaaaaaaaaaa...: its name has 250 bytes, at most 245 are possible
      hint: choose a shorter name
    """
    try:
        encoded, name = os.fsencode(path), os.fsencode(path.name)
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{_shown(path)}: its name is no text in UTF-8, or none that this locale can express",
            hint="choose another name, or a locale in UTF-8 (LC_ALL=C.UTF-8)",
        ) from None
    if not path.is_absolute():
        refuse_deleted_folder()
    for what, length, most in (
        ("its name", len(name), _LONGEST_NAME - _BESIDE),
        ("its path", len(encoded), _LONGEST_PATH - _BELOW),
    ):
        if length > most:
            raise UsageError(
                f"{_shown(path)}: {what} has {length} bytes, at most {most} are possible",
                hint="choose a shorter name",
            )
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        # What Python says of a null character differs from version to version.
        reason = error.strerror if isinstance(error, OSError) else "it has a null character"
        raise UsageError(f"{_shown(path)}: {reason}", hint="choose another place") from None


def refuse_deleted_folder() -> None:
    """Raise `UsageError` when the current folder was deleted: relative paths mean nothing there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the current folder does not exist any more", hint="go to one that does, with cd"
        ) from None


def _shown(path: Path) -> str:
    text = str(path).encode(errors="backslashreplace").decode()
    return text if len(text) <= 80 else text[:16] + "..."
