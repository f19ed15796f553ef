"""A file seen as memory: its pages come when they are read, and go again."""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Callable
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import UsageError

AboutToRead = Callable[[int, int], None]
"""Told before rows are read how many there are, and the bytes of each; may let go of what was read before."""

_KEPT = 64 << 20
"""Bytes that are mapped before the process gives pages back; the system keeps them while it has storage."""

_AROUND = 1 << 20
"""Bytes around a row that the system maps with it: 0.85 MiB on Linux 6.18, 150,528 bytes at random."""


class Pages:
    """The content of a file that nobody changes, mapped for reading.

    It counts neither as memory taken nor against `ulimit -d`. The file may lose its name meanwhile.
    """

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path = path
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._size = len(self._map)
        self._read = 0

    def array(self, offset: int, shape: tuple[int, ...], kind: str = "uint8") -> NDArray[Any]:
        """Return what is from `offset` on as an array of numbers of a kind, not to be written."""
        return np.frombuffer(self._map, kind, prod(shape), offset).reshape(shape)

    def about_to_read(self, rows: int, each: int) -> None:
        """Let go of pages once many rows, of so many bytes each, were read.

        Raises `UsageError` when the file has become shorter: reading what is not there would end the process.
        """
        if self._map.size() < self._size:
            raise UsageError(
                f"{self._path}: became shorter while it was in use", hint="repeat: it is made again"
            )
        self._read += rows * (each + _AROUND)
        if self._read > _KEPT and hasattr(self._map, "madvise"):
            self._read = 0
            self._map.madvise(mmap.MADV_DONTNEED)


def read_only_tensor(values: NDArray[Any]) -> Tensor:
    """Return mapped numbers as a tensor: torch warns where they cannot be written, and nobody does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.from_numpy(values)
