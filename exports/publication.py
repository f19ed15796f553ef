"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import MissingRequirementError, MtlError, UsageError


def proof_path(path: Path) -> Path:
    """Return where the proof of an export lies: `verify.json`, or `NAME.verify.json` for another name.

    >>> [proof_path(Path(name)).name for name in ("model.onnx", "bytes.onnx", "model.pt2")]
    ['verify.json', 'bytes.verify.json', 'model.pt2.verify.json']
    """
    if path.name == "model.onnx":
        return path.with_name("verify.json")
    return path.with_name(f"{path.stem if path.suffix == '.onnx' else path.name}.verify.json")


def partial(path: Path) -> Path:
    """Return the unfinished file that will become `path`: in the same folder, so that it can be moved."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


@contextlib.contextmanager
def unpublished(paths: Sequence[Path]) -> Iterator[None]:
    """Remove the unfinished files of `paths` at the end, whatever happens.

    Raises `UsageError` when a path is a folder or its folder does not exist.
    """
    for path in paths:
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: the folder {path.parent} does not exist")
    try:
        yield
    finally:
        for path in paths:
            partial(path).unlink(missing_ok=True)


def write_partial(path: Path, data: bytes) -> None:
    """Write the unfinished file of `path` and force it to the disk.

    Raises `UsageError` when it cannot be written, `MissingRequirementError` when the disk is full.
    """
    try:
        with partial(path).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _explained(error, path) from error


def publish(paths: Sequence[Path]) -> None:
    """Give the unfinished files of one folder their names, in order, and force the folder to the disk.

    Raises as `write_partial` does.
    """
    for path in paths:
        try:
            partial(path).replace(path)
        except OSError as error:
            raise _explained(error, path) from error
    descriptor = os.open(paths[0].parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, path: Path) -> MtlError:
    text = f"cannot write {path}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MissingRequirementError(text, hint="free some space and export again")
    return UsageError(text)
