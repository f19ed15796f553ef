"""Folders that appear complete or not at all, with every file's sum in `SHA256SUMS`. No torch, no onnx."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..core.base.errors import UsageError, VerificationError
from ..core.base.files import open_regular, read_text, reading, sync_folder, writing_to

SUMS = "SHA256SUMS"
"""One line per file, as the tool sha256sum writes and checks it (`sha256sum -c SHA256SUMS`)."""

_MOST = 2**26
"""Bytes of sums that no folder comes near."""

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


@contextmanager
def unpublished_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` that becomes `path`, with sums, when the block succeeds.

    A failure leaves nothing, and whatever was at `path` untouched. A folder that was published before and
    holds nothing else is replaced. Raises `UsageError` when something else is there or it cannot be written,
    `MissingRequirementError` when the disk is full.
    """
    _refuse_foreign(path)
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    try:
        yield temporary
        with writing_to(path):
            _complete(temporary)
            _publish(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sums_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path with `/`, in order; not of the sums."""
    with reading(folder, "a published folder", hint="export it again", error=VerificationError):
        files = sorted(item for item in folder.rglob("*") if item.is_symlink() or not item.is_dir())
    names = {item: item.relative_to(folder).as_posix() for item in files}
    return {name: _digest(item) for item, name in names.items() if name != SUMS}


def read_sums(folder: Path) -> dict[str, str]:
    """Return the sums that were published; raise `VerificationError` when they are missing or damaged."""
    path, hint = folder / SUMS, "export it again"
    lines = read_text(path, "sums of files", hint=hint, most=_MOST, error=VerificationError).splitlines()
    found = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise VerificationError(f"{folder / SUMS}: line {number} is no sum of a file")
        found[match[2]] = match[1]
    return found


def check_folder(folder: Path) -> Mapping[str, str]:
    """Return the sums of a published folder; raise `VerificationError`, naming every file that changed."""
    promised, found = read_sums(folder), sums_of(folder)
    wrong = [f"{name} is missing" for name in promised if name not in found]
    wrong += [f"{name} does not belong to it" for name in found if name not in promised]
    wrong += [f"{name} was changed" for name in promised if found.get(name, promised[name]) != promised[name]]
    if wrong:
        raise VerificationError(f"{folder} is not as it was published: {'; '.join(wrong)}")
    return promised


def _refuse_foreign(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    reason, hint = "", "choose another place with --to"
    if path.is_symlink() or not path.is_dir():
        reason = "it is no folder"
    elif not (path / SUMS).is_file():
        reason = f"a folder without {SUMS} is there"
    else:
        try:
            others = sorted(set(sums_of(path)) - set(read_sums(path)))
        except VerificationError as error:
            raise UsageError(f"cannot replace {path}: {error}", hint=hint) from error
        if others:
            reason = f"it holds {others[0]}, which was not exported"
    if reason:
        raise UsageError(f"cannot replace {path}: {reason}", hint=hint)


def _complete(folder: Path) -> None:
    """Write the sums and force everything to the disk."""
    text = "".join(f"{digest}  {name}\n" for name, digest in sums_of(folder).items())
    (folder / SUMS).write_text(text, encoding="utf-8")
    folder.chmod(0o755)
    for item in folder.rglob("*"):
        if item.is_dir():
            sync_folder(item)
        else:
            item.chmod(0o644)
            with item.open("rb") as stream:
                os.fsync(stream.fileno())
    sync_folder(folder)


def _publish(temporary: Path, path: Path) -> None:
    """Rename into place; a folder cannot be replaced in one step, so the old one waits beside it."""
    old = temporary.with_suffix(".replaced")
    if path.exists():
        path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        if old.exists():
            old.rename(path)
        raise
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _digest(path: Path) -> str:
    if path.is_symlink():  # it may lead to what never ends; none was published
        return "a link"
    if not path.is_file():
        return "no file"
    with open_regular(path, "a published file", hint="export it again", error=VerificationError) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
