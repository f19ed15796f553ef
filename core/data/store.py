"""Prepared data in one file: arrays by parts, each part with its checksum, then what says where they are.

    pictures and maps | ... | rows and labels | JSON | SHA-256 of the JSON, its length, a mark

Arrays begin at a page. What is behind them is written last: a file without it is unfinished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BufferedReader
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import MissingRequirementError, UsageError
from ..base.files import (
    PARTIAL,
    make_folder,
    open_regular,
    partial,
    remove,
    sync_folder,
    unpublished,
    writing_to,
)
from ..contracts import Columns
from ..contracts.storage import FillColumns, Kinds, in_parts, part_of, size_of
from .pages import Pages

_PAGE = 1 << 14
"""Bytes of the largest page that systems map files by, on the machines that are common."""

_PART = 1 << 20
"""Bytes of labels that have one checksum."""

_MARK = b"mtl-data"
_END = 32 + 8 + len(_MARK)


@dataclass(frozen=True)
class Loaded:
    """A data set's splits, the file that their pictures and maps are mapped from (None: they are in memory),
    and what the data set remarked when it was read."""

    splits: Mapping[str, Columns]
    pages: Pages | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """An array in a file: where it begins, and the SHA-256 of every `part` of its rows, hexadecimal."""

    offset: int
    kind: str
    shape: tuple[int, ...]
    part: int
    sums: tuple[str, ...]

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return prod(self.shape[1:]) * np.dtype(self.kind).itemsize

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self.row


@dataclass(frozen=True)
class Placed:
    """A split whose pictures and maps are in a file: where they are."""

    columns: Columns
    image: Block
    maps: Mapping[str, Block]


class StoreWriter:
    """Writes a store under an unfinished `name` in `folder`, which `publish` or `close` ends.

    The file is locked: what a killed writer left is told from a living writer's, and removed.
    """

    def __init__(self, folder: Path, name: str = "store") -> None:
        make_folder(folder)
        _sweep(folder)
        self.path = partial(folder / name)
        with writing_to(self.path):
            self.path.unlink(missing_ok=True)
            self._stream = self.path.open("xb")
        with suppress(OSError):  # a file system that knows no locks
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def fill(self, count: int, kinds: Kinds, fill: FillColumns, part: int | None = None) -> dict[str, Block]:
        """Write columns as they are made; the arguments are those of `Storage.columns`."""
        self._refuse_without_space(count * size_of(kinds))
        offsets, end = self._offsets(count, kinds)
        part = part or part_of(size_of(kinds))
        sums: dict[str, list[str]] = {name: [] for name in kinds}

        def made(start: int, stop: int) -> dict[str, tuple[memoryview, str]]:
            out = {name: np.empty((stop - start, *shape), kind) for name, (shape, kind) in kinds.items()}
            fill(start, out)
            contents = {name: column.reshape(-1).view(np.uint8).data for name, column in out.items()}
            return {
                name: (content, hashlib.sha256(content).hexdigest()) for name, content in contents.items()
            }

        places = dict(offsets)
        for found in in_parts(count, part, made):
            for name, (content, digest) in found.items():
                self._seek(places[name])
                self._write(content)
                places[name] += len(content)
                sums[name].append(digest)
        self._seek(end)
        return {
            name: Block(offsets[name], np.dtype(kind).name, (count, *shape), part, tuple(sums[name]))
            for name, (shape, kind) in kinds.items()
        }

    def array(self, values: NDArray[Any]) -> Block:
        """Write an array that is in memory, of numbers `[N, ...]`."""

        def copied(start: int, out: Mapping[str, NDArray[Any]]) -> None:
            out[""][...] = values[start : start + len(out[""])]

        part = max(1, _PART // max(1, values.nbytes // max(1, len(values))))
        return self.fill(len(values), {"": (values.shape[1:], values.dtype.name)}, copied, part)[""]

    def finish(self, splits: Mapping[str, Placed], remarks: Sequence[str]) -> None:
        """Write rows and labels, and what says where everything is."""
        note: dict[str, Any] = {"splits": {}, "remarks": list(remarks)}
        for split, placed in splits.items():
            columns = placed.columns
            note["splits"][split] = {
                "image": asdict(placed.image),
                "maps": {name: asdict(block) for name, block in placed.maps.items()},
                "shards": None if columns.shards is None else asdict(self.array(columns.shards)),
                "rows": None if columns.rows is None else asdict(self.array(columns.rows)),
                "labels": {name: asdict(self.array(column)) for name, column in columns.labels.items()},
            }
        rest = json.dumps(note).encode()
        end = hashlib.sha256(rest).digest() + len(rest).to_bytes(8, "little") + _MARK
        self._write(rest)
        self._write(end)
        with writing_to(self.path):
            self._stream.flush()

    def publish(self, path: Path) -> None:
        """Give the file its name, once it is on the disk; it is in the folder of the unfinished one."""
        with unpublished((path,)), writing_to(path):
            os.fsync(self._stream.fileno())
            self.path.replace(path)
            sync_folder(path.parent)

    def pages(self) -> Pages:
        """Return what has been written, mapped."""
        with writing_to(self.path):
            self._stream.flush()
        with open_regular(self.path, "prepared data", hint="repeat") as file:
            return Pages(self.path, file)

    def close(self) -> None:
        """End writing; a file that was not published is gone."""
        with suppress(OSError):  # what could not be written was told
            self._stream.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _offsets(self, count: int, kinds: Kinds) -> tuple[dict[str, int], int]:
        """Return where columns begin that come next in the file, and where the last one ends."""
        with writing_to(self.path):
            end = self._stream.tell()
        offsets = {}
        for name, kind in kinds.items():
            offsets[name] = ceil(end / _PAGE) * _PAGE
            end = offsets[name] + count * size_of({name: kind})
        return offsets, end

    def _seek(self, place: int) -> None:
        with writing_to(self.path):
            self._stream.seek(place)

    def _write(self, content: bytes | memoryview) -> None:
        with writing_to(self.path):
            self._stream.write(content)

    def _refuse_without_space(self, size: int) -> None:
        """Raise before hours of work what would be raised after them."""
        with writing_to(self.path):
            known = os.statvfs(self.path.parent)
        free = known.f_bavail * known.f_frsize
        if size > free:
            raise MissingRequirementError(
                f"the disk is full: {size / 2**20:,.0f} MiB of data are to be in {self.path.parent}, "
                f"and {free / 2**20:,.0f} MiB are free",
                hint="free some space, or choose another folder by MTL_CACHE_DIR",
            )


def _sweep(folder: Path) -> None:
    """Remove what writers left that are no more: the lock of a living one's file is held."""
    for path in folder.glob(f".*{PARTIAL}"):
        with suppress(OSError, UsageError), open_regular(path, "an unfinished file", hint="") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)


def read_store(path: Path, resident: Callable[[int], bool]) -> Loaded | None:
    """Return what is in a store's file, or None when there is none or it is damaged.

    `resident` says whether so many bytes of pictures and maps are to be read into memory; otherwise they are
    mapped. Every part is compared with its checksum.
    """
    try:
        # Whatever is wrong with a file of the cache, it is made again.
        with open_regular(path, "a prepared data set", hint="") as file:
            note = _note(file)
            large = {
                block.offset: block
                for found in note["splits"].values()
                for block in map(_block, (found["image"], *found["maps"].values()))
            }
            pages = None if resident(sum(block.size for block in large.values())) else Pages(path, file)
            arrays = {offset: _checked(file, block, pages) for offset, block in large.items()}
            splits = {
                split: Columns(
                    arrays[found["image"]["offset"]],
                    {name: _checked(file, _block(given)) for name, given in found["labels"].items()},
                    None if found["rows"] is None else _checked(file, _block(found["rows"])),
                    {name: arrays[given["offset"]] for name, given in found["maps"].items()},
                    _checked(file, _block(found["shards"])) if found.get("shards") else None,
                )
                for split, found in note["splits"].items()
            }
            return Loaded(splits, pages, tuple(map(str, note["remarks"])))
    except UsageError:
        return None


def _note(file: BufferedReader) -> Mapping[str, Any]:
    """Return what says where everything is; raise `ValueError` when it is damaged."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _END))
    end = file.read(_END)
    digest, length, mark = end[:32], int.from_bytes(end[32:40], "little"), end[40:]
    if mark != _MARK or length > size - _END:
        raise ValueError("the end is missing")
    file.seek(size - _END - length)
    rest = file.read(length)
    if hashlib.sha256(rest).digest() != digest:
        raise ValueError("the checksum differs")
    note: Mapping[str, Any] = json.loads(rest)
    return note


def _block(given: Mapping[str, Any]) -> Block:
    block = Block(**{**given, "shape": tuple(given["shape"]), "sums": tuple(given["sums"])})
    if np.dtype(block.kind).kind not in "biuf" or min(block.offset, *block.shape) < 0 or block.part < 1:
        raise ValueError(f"no array: {given}")
    return block


def _checked(file: BufferedReader, block: Block, pages: Pages | None = None) -> NDArray[Any]:
    """Return a block's array, in memory or mapped; raise `ValueError` when a part of it is damaged."""
    if block.offset + block.size > os.fstat(file.fileno()).st_size:
        raise ValueError("a part of the file is missing")
    found = np.empty(block.shape, block.kind) if pages is None else None
    into = None if found is None else found.reshape(-1).view(np.uint8)

    def read(start: int, stop: int) -> None:
        first, last = start * block.row, stop * block.row
        content = os.pread(file.fileno(), last - first, block.offset + first)
        if hashlib.sha256(content).hexdigest() != block.sums[start // block.part]:
            raise ValueError(f"the checksum of the rows from {start} on differs")
        if into is not None:
            into[first:last] = np.frombuffer(content, np.uint8)

    for _ in in_parts(block.shape[0], block.part, read):
        pass
    if found is not None:
        return found
    assert pages is not None
    return pages.array(block.offset, block.shape, block.kind)
