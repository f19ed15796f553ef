"""The engine's storage of pictures and maps: in memory where they fit, otherwise in a mapped file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from ..base.cores import available_memory
from ..base.errors import MtlError
from ..contracts import Columns, InMemory, Storage
from ..contracts.storage import FillColumns, Kinds, size_of
from .pages import Pages
from .store import Block, Loaded, Placed, StoreWriter

Memory = Literal["auto", "resident", "mapped"]
"""Where pictures and maps lie: in memory, in a mapped file, or wherever the rule says."""

SHARE = 0.5
"""Part of the free memory that pictures may take; the model, its activations and libraries need the rest."""


_LARGE = 1 << 10
"""Bytes of a sample from which on a label column lies where pictures do."""


class PictureStorage(Storage):
    """Decides where pictures go, and keeps what was loaded; `close` removes an unfinished file."""

    def __init__(self, memory: Memory, folder: Path | None, name: str = "store") -> None:
        self._memory = memory
        self._folder = folder or Path(tempfile.gettempdir())
        self._name = name
        self._most = SHARE * available_memory() if memory == "auto" else 0.0
        self._held = 0
        self._writer: StoreWriter | None = None
        self._written: list[tuple[NDArray[Any], Block]] = []
        self._mapped: list[Pages] = []
        self._aside: PictureStorage | None = None
        self._once_kept: list[Callable[[], None]] = []

    def stays(self, size: int) -> bool:
        """Return whether so many bytes, beside those here, stay in memory."""
        return self._memory == "resident" or (self._memory == "auto" and self._all_held + size <= self._most)

    @property
    def _all_held(self) -> int:
        return self._held + (0 if self._aside is None else self._aside._all_held)

    def columns(
        self, count: int, kinds: Kinds, fill: FillColumns, part: int | None = None
    ) -> dict[str, NDArray[Any]]:
        each = size_of(kinds)

        def filled(start: int, out: Mapping[str, NDArray[Any]]) -> None:
            self.about_to_read(len(next(iter(out.values()))), each)
            fill(start, out)

        if self.stays(count * each):
            self._held += count * each
            return InMemory().columns(count, kinds, filled, part)
        blocks = self._open().fill(count, kinds, filled, part)
        pages = self._map()
        found = {name: pages.array(block.offset, block.shape, block.kind) for name, block in blocks.items()}
        self._written += [(found[name], block) for name, block in blocks.items()]
        return found

    def once_kept(self, done: Callable[[], None]) -> None:
        self._once_kept.append(done)

    @contextmanager
    def aside(self) -> Iterator[PictureStorage]:
        with picture_storage(self._memory, self._folder, f"{self._name} aside") as self._aside:
            yield self._aside
        self._aside = None

    def about_to_read(self, rows: int, each: int) -> None:
        """Let go of pages of what was written here, or aside, and read since, as `Pages` does."""
        for pages in self._mapped:
            pages.about_to_read(rows, each)
        if self._aside is not None:
            self._aside.about_to_read(rows, each)

    def settle(self, splits: Mapping[str, Columns], remarks: Sequence[str], path: Path | None) -> Loaded:
        """Return what was loaded, where it is to lie, and keep it at `path` for next time (None: nowhere).

        What is in memory and need not be kept is kept where that works; a file that it is mapped from has to
        be written: raises as `files.write_bytes` does.
        """
        self._held = 0
        arrays = (array for columns in splits.values() for array in (columns.image, *columns.maps.values()))
        size = sum({id(array): array.nbytes for array in arrays}.values())
        if not self._written and self.stays(size):
            with suppress(MtlError):  # a cache that cannot be written is no reason to stop
                if path is not None:
                    self._write(splits, remarks)
                    self._keep(path)
            return Loaded(splits, None, tuple(remarks))
        placed = self._write(splits, remarks)
        pages = self._map()
        if path is not None:
            self._keep(path)

        def mapped(block: Block) -> NDArray[Any]:
            return pages.array(block.offset, block.shape, block.kind)

        moved = {
            split: replace(
                found.columns,
                image=mapped(found.image),
                maps={name: mapped(block) for name, block in found.maps.items()},
            )
            for split, found in placed.items()
        }
        return Loaded(moved, pages, tuple(remarks))

    def close(self) -> None:
        """Remove the file that was not kept."""
        if self._writer is not None:
            self._writer.close()

    def _keep(self, path: Path) -> None:
        self._open().publish(path)
        for done in self._once_kept:
            done()

    def _open(self) -> StoreWriter:
        if self._writer is None:
            self._writer = StoreWriter(self._folder, self._name)
        return self._writer

    def _map(self) -> Pages:
        self._mapped.append(self._open().pages())
        return self._mapped[-1]

    def _write(self, splits: Mapping[str, Columns], remarks: Sequence[str]) -> dict[str, Placed]:
        """Write what is not in the file; return where each split is."""
        placed = {
            split: Placed(
                columns,
                self._block(columns.image),
                {name: self._block(column) for name, column in columns.maps.items()},
            )
            for split, columns in splits.items()
        }
        self._open().finish(placed, remarks)
        return placed

    def _block(self, array: NDArray[Any]) -> Block:
        """Return where an array is in the file, and write it if need be."""
        for written, block in self._written:
            if written is array:
                return block
        block = self._open().array(array)
        self._written.append((array, block))
        return block


def with_maps(columns: Columns) -> Columns:
    """Return a split with its large label columns among its maps, where pictures and labels go row by row."""
    if columns.rows is not None:
        return columns
    large = {name: column for name, column in columns.labels.items() if column.nbytes > _LARGE * len(column)}
    labels = {name: column for name, column in columns.labels.items() if name not in large}
    return replace(columns, labels=labels, maps={**columns.maps, **large})


@contextmanager
def picture_storage(memory: Memory, folder: Path | None, name: str = "store") -> Iterator[PictureStorage]:
    """Give storage to the pictures of one data set; `folder` is where files are kept (None: for now only).

    `name` is what the unfinished file is called.
    """
    storage = PictureStorage(memory, folder, name)
    try:
        yield storage
    finally:
        storage.close()
