"""Where a data set puts its pictures: in storage of the engine's, in memory or in a file. NumPy only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base.cores import available_cores
from ..base.errors import UsageError
from .specs import ImageSpec

Fill = Callable[[int, NDArray[np.uint8]], None]
"""`fill(start, out)` writes the pictures from `start` on into `out`, uint8 `[n, C, H, W]`."""

Value = TypeVar("Value")

_PICTURES, _BYTES = 64, 4 << 20
"""Most pictures and bytes of a part: an error or an interrupt waits for the parts in hand."""


class Storage(ABC):
    """Takes the pictures of a data set, part by part, so that nobody holds them all where they do not fit."""

    @abstractmethod
    def pictures(self, count: int, image: ImageSpec, fill: Fill) -> NDArray[np.uint8]:
        """Return `count` pictures, uint8 `[count, C, H, W]`, that `fill` has written part by part.

        `fill` is called from several threads at once, each time for other pictures. The first error that it
        raises, in the order of the pictures, is raised here. What is returned is only read; hand it on whole
        and name a split's pictures by `Columns.rows`: a part of it would be a copy.
        """


class InMemory(Storage):
    """Keeps pictures in memory.

    >>> def fill(start, out):
    ...     out[...] = start
    >>> InMemory().pictures(3, ImageSpec(1, 2, 2), fill).shape
    (3, 1, 2, 2)
    """

    def pictures(self, count: int, image: ImageSpec, fill: Fill) -> NDArray[np.uint8]:
        try:
            found = np.empty((count, *image.shape), dtype=np.uint8)
        except (MemoryError, ValueError):  # the latter for more bytes than numbers can count
            raise UsageError(
                f"{count} images of {image.height} x {image.width} pixels do not fit into memory",
                hint="keep them in a file: --set train.memory=mapped; or read them smaller, where the data "
                "set has it: --set dataset.size=SIDE",
            ) from None
        for _ in in_parts(
            count, part_of(prod(image.shape)), lambda start, stop: fill(start, found[start:stop])
        ):
            pass
        return found


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
