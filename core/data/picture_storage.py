"""The engine's storage of pictures: in memory where they fit, otherwise in a file that is mapped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base.cores import available_memory
from ..base.errors import MtlError
from ..contracts import Columns, Fill, InMemory, Storage
from ..contracts.specs import ImageSpec
from .store import Block, Loaded, StoreWriter

Memory = Literal["auto", "resident", "mapped"]
"""Where pictures lie: in memory, in a mapped file, or wherever the rule says."""

SHARE = 0.5
"""Part of the free memory that pictures may take; the model, its activations and libraries need the rest."""


class PictureStorage(Storage):
    """Decides where pictures go, and keeps what was loaded; `close` removes an unfinished file."""

    def __init__(self, memory: Memory, folder: Path | None) -> None:
        self._memory = memory
        self._folder = folder or Path(tempfile.gettempdir())
        self._most = SHARE * available_memory() if memory == "auto" else 0.0
        self._held = 0
        self._writer: StoreWriter | None = None
        self._written: list[tuple[NDArray[np.uint8], Block]] = []

    def stays(self, size: int) -> bool:
        """Return whether so many bytes of pictures, beside those here, stay in memory."""
        return self._memory == "resident" or (self._memory == "auto" and self._held + size <= self._most)

    def pictures(self, count: int, image: ImageSpec, fill: Fill) -> NDArray[np.uint8]:
        size = count * int(np.prod(image.shape))
        if self.stays(size):
            self._held += size
            return InMemory().pictures(count, image, fill)
        block = self._open().fill(count, image, fill)
        found = self._open().pages().array(block.offset, block.shape)
        self._written.append((found, block))
        return found

    def settle(self, splits: Mapping[str, Columns], remarks: Sequence[str], path: Path | None) -> Loaded:
        """Return what was loaded, where it is to lie, and keep it at `path` for next time (None: nowhere).

        Pictures in memory that need not be kept are kept where that works; a file that they are mapped from
        has to be written: raises as `files.write_bytes` does.
        """
        self._held = 0
        size = sum({id(columns.image): columns.image.nbytes for columns in splits.values()}.values())
        if not self._written and self.stays(size):
            with suppress(MtlError):  # a cache that cannot be written is no reason to stop
                if path is not None:
                    self._write(splits, remarks)
                    self._open().publish(path)
            return Loaded(splits, None, tuple(remarks))
        blocks = self._write(splits, remarks)
        pages = self._open().pages()
        if path is not None:
            self._open().publish(path)
        mapped = {
            split: replace(columns, image=pages.array(block.offset, block.shape))
            for (split, columns), block in zip(splits.items(), blocks, strict=True)
        }
        return Loaded(mapped, pages, tuple(remarks))

    def close(self) -> None:
        """Remove the file that was not kept."""
        if self._writer is not None:
            self._writer.close()

    def _open(self) -> StoreWriter:
        if self._writer is None:
            self._writer = StoreWriter(self._folder)
        return self._writer

    def _write(self, splits: Mapping[str, Columns], remarks: Sequence[str]) -> list[Block]:
        """Write what is not in the file; return the block of each split."""
        placed = {split: (columns, self._block(columns)) for split, columns in splits.items()}
        self._open().finish(placed, remarks)
        return [block for _, block in placed.values()]

    def _block(self, columns: Columns) -> Block:
        """Return where a split's pictures are in the file, and write them if need be."""
        for image, block in self._written:
            if image is columns.image:
                return block
        block = self._open().array(columns.image)
        self._written.append((columns.image, block))
        return block


@contextmanager
def picture_storage(memory: Memory, folder: Path | None) -> Iterator[PictureStorage]:
    """Give storage to the pictures of one data set; `folder` is where files are kept (None: for now only)."""
    storage = PictureStorage(memory, folder)
    try:
        yield storage
    finally:
        storage.close()
