"""Prepared data sets in the user's cache: one file each, made again whenever what they came from changes.

Reading thousands of pictures, or drawing them, takes longer than many a training. A data set that says which
files it depends on is therefore kept as it was loaded, uint8 images and label columns, in one file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.cache import cache_folder, cache_key
from ..base.errors import MtlError
from ..contracts import Columns, Dataset
from ..discovery.declared import ask
from .pages import AboutToRead
from .picture_storage import Memory, picture_storage, with_maps
from .store import Loaded, read_store

Check = Callable[[Mapping[str, Columns], AboutToRead], None]

FOLDER = "datasets"
SUFFIX = "data"
_SPLITS = ("train", "validation", "test")


def load_prepared(
    dataset: Dataset,
    choice: Mapping[str, Any] | None,
    check: Check,
    memory: Memory = "auto",
    label: str = "the data set",
) -> Loaded:
    """Return a data set's splits, from the cache when nothing changed; `choice` are its name and options.

    Without a `choice` nothing is looked for or kept. A file that is damaged, or was half written, is noticed
    by its checksums and made again; so is one that `check` refuses by an `MtlError`, whoever wrote it. It
    gets the splits, and what it is to tell before it reads rows of maps.
    A cache that cannot be written is no reason to stop, unless the pictures are to be mapped from it.
    `label` is what messages call the data set.
    """
    cache = cache_folder()
    folder = None if cache is None else cache / FOLDER
    with picture_storage(memory, folder) as storage:
        path = None if choice is None else _path(dataset, choice, folder)
        found = None if path is None else read_store(path, storage.stays)
        if found is not None and _passes(found, check):
            return found
        loaded = dataset.load_into(storage)
        check(loaded, storage.about_to_read)
        # What is downloaded while loading was not there when the name was formed.
        path = None if choice is None else _path(dataset, choice, folder)
        splits = {split: with_maps(loaded[split]) for split in _SPLITS if split in loaded}
        return storage.settle(splits, ask(label, dataset, "remarks"), path)


def data_key(dataset: Dataset, choice: Mapping[str, Any]) -> str | None:
    """Return a name for a data set's content; None when it does not say what it depends on."""
    sources = dataset.sources()
    if sources is None:
        return None
    kinds = [kind for kind in type(dataset).__mro__ if issubclass(kind, Dataset)]
    try:
        stamps = stamps_of([*sources, *(Path(inspect.getfile(kind)) for kind in kinds)])
    except (OSError, TypeError):  # no file, or a class that was typed in
        return None
    return cache_key({"choice": dict(choice), "sources": stamps})


def _path(dataset: Dataset, choice: Mapping[str, Any], folder: Path | None) -> Path | None:
    """Return where the data set is kept, or None when its content has no name."""
    key = data_key(dataset, choice)
    if key is None or folder is None:
        return None
    name = str(choice.get("name", "data")).replace("/", "-")
    return folder / f"{name}-{key}.{SUFFIX}"


def stamps_of(paths: Sequence[Path]) -> list[tuple[str | int, ...]]:
    """Return what tells a file's content from any other it had: another content has another stamp.

    The time of modification can be set, and copies keep it; that of the inode's change cannot.
    """
    stamps: list[tuple[str | int, ...]] = []
    for path in paths:
        known = path.stat()
        times = (known.st_mtime_ns, known.st_ctime_ns)
        stamps.append((str(path.absolute()), known.st_size, known.st_ino, *times))
    return stamps


def _passes(found: Loaded, check: Check) -> bool:
    try:
        check(found.splits, _anything if found.pages is None else found.pages.about_to_read)
    except MtlError:
        return False
    return True


def _anything(rows: int, each: int) -> None:
    """What is in memory may be read as one likes."""
