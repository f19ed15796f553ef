"""Which files are images of which class, in folders that people and their computers have filled."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...core.base.errors import UsageError
from ...core.base.files import reading

_LEFT_BY_SYSTEMS = frozenset(
    (
        # Windows
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),
        *("$recycle.bin", "system volume information"),
        # macOS
        *("__macosx", "icon\r"),
        # network storage
        *("@eadir", "#recycle", "@recycle", "#snapshot", "lost+found"),
    )
)
_SHOWN = 10
"""Faults that are told of many."""
_UNREADABLE = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters no class name has: control characters, halves of bytes, and ends of lines."""


def class_folders(root: Path, split: str) -> Mapping[str, Path]:
    """Return the folder of each class in `root/split`, in natural order of their names (`a 2`, `a 10`).

    What systems leave by themselves is passed over. A name is a class whichever way its accents are written,
    composed or decomposed. Raises `UsageError` for names that cannot be shown, and for links out of `root`.
    """
    found: dict[str, Path] = {}
    for entry in _entries(root / split):
        if entry.is_symlink():
            refuse_outside(Path(entry.path), root)
        if not entry.is_dir():
            continue
        name = _class_name(entry)
        if name in found:
            raise UsageError(
                f"{root / split}: two folders for class {name!r}",
                hint="their accents are written in different ways; put the images into one",
            )
        found[name] = Path(entry.path)
    return {name: found[name] for name in sorted(found, key=natural)}


def images_in(folder: Path, root: Path) -> list[Path]:
    """Return the files of a class in natural order of their names.

    What systems leave by themselves is passed over. Raises `UsageError` when there is none, and for all at
    once that is no regular file: a folder, a pipe, a device, a link out of `root` or to nothing.
    """
    paths: list[Path] = []
    faults: list[UsageError] = []
    for entry in _entries(folder):
        fault = _fault(entry, root)
        if fault is None:
            paths.append(Path(entry.path))
        else:
            faults.append(fault)
    refuse_all(faults)
    if not paths:
        raise UsageError(
            f"{folder}: holds no images",
            hint="put the images of this class there; a download that broke off?",
        )
    return sorted(paths, key=lambda path: natural(path.name))


def natural(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """Return a sort key under which numbers inside names count as numbers.

    >>> sorted(["img10", "img9", "a"], key=natural)
    ['a', 'img9', 'img10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    # The name itself settles ties such as `01` and `1`.
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], name


def refuse_outside(path: Path, root: Path) -> None:
    """Raise `UsageError` when `path` is a link that leads out of `root`."""
    with reading(path, "a file or folder of images", hint="remove it"):
        outside = path.is_symlink() and not path.resolve().is_relative_to(root.resolve())
    if outside:
        raise UsageError(f"{path}: a link that leads out of {root}", hint="put the files themselves there")


def passed_over(folders: Iterable[Path]) -> list[str]:
    """Return the names in folders that are no images and were not put there by people, in order."""
    found: list[str] = []
    for folder in folders:
        with reading(folder, "a folder of images", hint="give read access to it"):
            found += sorted(path.name for path in folder.iterdir() if _is_passed_over(path.name))
    return found


def refuse_all(faults: Sequence[UsageError]) -> None:
    """Raise `UsageError` with all faults, the first ten by name; the fault itself where it is one."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        shown = "; ".join(fault.message for fault in faults[:_SHOWN])
        more = "; ..." if len(faults) > _SHOWN else ""
        hints = dict.fromkeys(fault.hint for fault in faults if fault.hint is not None)
        raise UsageError(f"{len(faults):,} files are wrong: {shown}{more}", hint="; ".join(hints) or None)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what people have put into a folder."""
    with reading(folder, "a folder of images", hint="give read access to it"), os.scandir(folder) as entries:
        yield from (entry for entry in entries if not _is_passed_over(entry.name))


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _LEFT_BY_SYSTEMS


def _fault(entry: os.DirEntry[str], root: Path) -> UsageError | None:
    """Return what is wrong with an entry that should be a file of an image."""
    try:
        if entry.is_symlink():
            refuse_outside(Path(entry.path), root)
    except UsageError as fault:
        return fault
    if entry.is_dir():
        hint = "classes are one level of folders"
        return UsageError(f"{entry.path}: a folder, expected an image", hint=hint)
    if not entry.is_file():
        return UsageError(f"{entry.path}: no regular file, expected an image", hint="remove it")
    return None


def _class_name(entry: os.DirEntry[str]) -> str:
    name = unicodedata.normalize("NFC", entry.name)
    if not name.strip() or any(unicodedata.category(letter) in _UNREADABLE for letter in name):
        raise UsageError(
            f"{Path(entry.path).parent}: the name of the folder {entry.name!r} is no readable text in UTF-8",
            hint="rename it: classes are named after their folders",
        )
    return name
