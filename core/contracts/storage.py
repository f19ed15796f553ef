"""Where a data set puts pictures and maps: in storage of the engine's, in memory or in a file. NumPy only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base.cores import available_cores
from ..base.errors import UsageError
from .specs import ImageSpec

Fill = Callable[[int, NDArray[np.uint8]], None]
"""`fill(start, out)` writes the pictures from `start` on into `out`, uint8 `[n, C, H, W]`."""

Kinds = Mapping[str, tuple[tuple[int, ...], str]]
"""For each column, the shape of what it holds of one sample, and NumPy's name for the numbers' type."""

FillColumns = Callable[[int, Mapping[str, NDArray[Any]]], None]
"""`fill(start, out)` writes the samples from `start` on into each column of `out`, `[n, ...]`."""

Value = TypeVar("Value")

_IMAGE = "image"

_PICTURES, _BYTES = 64, 4 << 20
"""Most pictures and bytes of a part: an error or an interrupt waits for the parts in hand."""


class Storage(ABC):
    """Takes the pictures of a data set, and what is known of their pixels, part by part.

    So nobody holds them all where they do not fit.
    """

    @abstractmethod
    def columns(
        self, count: int, kinds: Kinds, fill: FillColumns, part: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return columns of `count` samples, each `[count, ...]` of its kind, that `fill` has written.

        `fill` is called from several threads at once, each time for other samples: `part` of them (None: as
        many as suit), fewer at the end. The first error that it raises, in the order of the samples, is
        raised here. What is returned is only read; hand it on whole and name a split's samples by
        `Columns.rows`: a part of it would be a copy.
        """

    def pictures(self, count: int, image: ImageSpec, fill: Fill) -> NDArray[np.uint8]:
        """Return `count` pictures, uint8 `[count, C, H, W]`, as `columns` does."""
        kinds = {_IMAGE: (image.shape, "uint8")}
        return self.columns(count, kinds, lambda start, out: fill(start, out[_IMAGE]))[_IMAGE]

    def once_kept(self, done: Callable[[], None]) -> None:  # noqa: B027 - most storage keeps nothing
        """Have `done` called when all that is put here is kept for next time; never where it is not."""

    @contextmanager
    def aside(self) -> Iterator[Storage]:
        """Give storage to what is needed until a `columns` of this storage has been written from it."""
        yield self


class InMemory(Storage):
    """Keeps pictures in memory.

    >>> def fill(start, out):
    ...     out[...] = start
    >>> InMemory().pictures(3, ImageSpec(1, 2, 2), fill).shape
    (3, 1, 2, 2)
    """

    def columns(
        self, count: int, kinds: Kinds, fill: FillColumns, part: int | None = None
    ) -> dict[str, NDArray[Any]]:
        try:
            found = {name: np.empty((count, *shape), dtype=kind) for name, (shape, kind) in kinds.items()}
        except (MemoryError, ValueError):  # the latter for more bytes than numbers can count
            raise UsageError(
                f"{_said(count, kinds)} do not fit into memory",
                hint="keep them in a file: --set train.memory=mapped; or read them smaller, where the data "
                "set has it: --set dataset.size=SIDE",
            ) from None

        def made(start: int, stop: int) -> None:
            fill(start, {name: column[start:stop] for name, column in found.items()})

        for _ in in_parts(count, part or part_of(size_of(kinds)), made):
            pass
        return found


def _said(count: int, kinds: Kinds) -> str:
    *_, (shape, _) = kinds.values()
    *_, height, width = (1, 1, *shape)
    return f"{count} images of {height} x {width} pixels"


def size_of(kinds: Kinds) -> int:
    """Return how many bytes a sample has in all columns.

    >>> size_of({"image": ((3, 2, 2), "uint8"), "depth": ((1, 2, 2), "float32")})
    28
    """
    return sum(prod(shape) * np.dtype(kind).itemsize for shape, kind in kinds.values())


def part_of(size: int) -> int:
    """Return how many pictures of so many bytes each are made, written and checked at once.

    >>> part_of(28 * 28), part_of(3 * 224 * 224), part_of(3 * 4096 * 4096)
    (64, 27, 1)
    """
    return max(1, min(_PICTURES, _BYTES // max(1, size)))


def in_parts(count: int, size: int, work: Callable[[int, int], Value]) -> Iterator[Value]:
    """Yield what `work(start, stop)` gives for each part of `count` things, in order, done on all cores.

    The first error in order is raised, when no part is at work any more. Few parts are done ahead of who
    takes them.
    """
    workers = min(8, available_cores())
    waiting: deque[Future[Value]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, count, size):
                waiting.append(pool.submit(work, start, min(start + size, count)))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
