"""Prepared data sets in the user's cache: one file each, made again whenever what they came from changes.

Reading thousands of pictures, or drawing them, takes longer than many a training. A data set that says which
files it depends on is therefore kept as it was loaded, uint8 images and label columns, in one file.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .cache import cache_folder, cache_key
from .contracts import Columns, Dataset
from .errors import MtlError, UsageError
from .files import make_folder, open_regular, write_through

FOLDER = "datasets"
_KINDS = {"U8": np.uint8, "I8": np.int8, "I64": np.int64, "F32": np.float32}
"""What images and label columns are."""


def load_prepared(
    dataset: Dataset, choice: Mapping[str, Any], check: Callable[[Mapping[str, Columns]], None]
) -> Mapping[str, Columns]:
    """Return a data set's splits, from the cache when nothing changed; `choice` are its name and options.

    A file that is damaged, or was half written, is noticed by its checksum and made again; so is one that
    `check` refuses by an `MtlError`, whoever wrote it. A cache that cannot be written is no reason to stop.
    """
    path = _path(dataset, choice)
    found = None if path is None else _read(path)
    if found is not None and _passes(found, check):
        return found
    loaded = dataset.load()
    check(loaded)
    # What is downloaded while loading was not there when the name was formed.
    path = _path(dataset, choice)
    if path is not None:
        _write(path, loaded)
    return loaded


def data_key(dataset: Dataset, choice: Mapping[str, Any]) -> str | None:
    """Return a name for a data set's content; None when it does not say what it depends on."""
    sources = dataset.sources()
    if sources is None:
        return None
    kinds = [kind for kind in type(dataset).__mro__ if issubclass(kind, Dataset)]
    try:
        stamps = _stamps([*sources, *(Path(inspect.getfile(kind)) for kind in kinds)])
    except (OSError, TypeError):  # no file, or a class that was typed in
        return None
    return cache_key({"choice": dict(choice), "sources": stamps})


def _path(dataset: Dataset, choice: Mapping[str, Any]) -> Path | None:
    """Return where the data set is kept, or None when its content has no name."""
    key, folder = data_key(dataset, choice), cache_folder()
    if key is None or folder is None:
        return None
    name = str(choice.get("name", "data")).replace("/", "-")
    return folder / FOLDER / f"{name}-{key}.safetensors"


def _stamps(paths: Sequence[Path]) -> list[tuple[str | int, ...]]:
    """Return what tells a file's content from any other it had: another content has another stamp.

    The time of modification can be set, and copies keep it; that of the inode's change cannot.
    """
    stamps: list[tuple[str | int, ...]] = []
    for path in paths:
        known = path.stat()
        times = (known.st_mtime_ns, known.st_ctime_ns)
        stamps.append((str(path.absolute()), known.st_size, known.st_ino, *times))
    return stamps


def _write(path: Path, splits: Mapping[str, Columns]) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for split, columns in splits.items():
        arrays[f"{split}/image"] = np.ascontiguousarray(columns.image)
        for name, column in columns.labels.items():
            arrays[f"{split}/label/{name}"] = np.ascontiguousarray(column)
    try:
        make_folder(path.parent)
        # Straight to the file: the data are as large as what is kept of them.
        note = {"sha256": _digest(arrays)}
        write_through(path, lambda unfinished: save_file(arrays, unfinished, metadata=note))
    except (MtlError, SafetensorError):
        return


def _read(path: Path) -> Mapping[str, Columns] | None:
    """Return the splits in a file, or None when there is none or it is damaged."""
    try:
        # Opened here first: a pipe in the file's place would wait for ever.
        with open_regular(path, "a prepared data set", hint="") as stream:
            with safe_open(path, framework="np") as file:
                expected = (file.metadata() or {}).get("sha256")
                forms = {name: file.get_slice(name) for name in file.offset_keys()}
            # The library has checked the head. What follows is read into place; a map would hold it twice.
            stream.seek(8 + int.from_bytes(stream.read(8), "little"))
            arrays: dict[str, NDArray[Any]] = {}
            for name, form in forms.items():
                shape = form.get_shape()
                arrays[name] = np.fromfile(stream, _KINDS[form.get_dtype()], prod(shape)).reshape(shape)
            return _splits(arrays) if _digest(arrays) == expected else None
    except UsageError:
        return None


def _splits(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, Columns]:
    splits: dict[str, Columns] = {}
    for split in dict.fromkeys(name.partition("/")[0] for name in arrays):
        start = f"{split}/label/"
        labels = {name[len(start) :]: column for name, column in arrays.items() if name.startswith(start)}
        splits[split] = Columns(arrays[f"{split}/image"], labels)
    return splits


def _passes(splits: Mapping[str, Columns], check: Callable[[Mapping[str, Columns]], None]) -> bool:
    try:
        check(splits)
    except MtlError:
        return False
    return True


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        found.update(arrays[name].reshape(-1).view(np.uint8).data)
    return found.hexdigest()
