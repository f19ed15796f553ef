"""Reads what comes next from a mapped file while the model is trained on what came before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

from torch import Tensor

from ..contracts.batch import Batch
from ..data.samples import Samples, Stored


class Ahead:
    """The batches of an epoch from `samples`, each with images and maps that a thread has gathered for it.

    Only from a file: gathering from memory takes less than handing over. Of the samples of a batch those that
    `kept` returns are gathered.
    """

    def __init__(self, samples: Samples, kept: Callable[[Tensor], Tensor] = lambda indices: indices) -> None:
        self._samples = samples
        self._kept = kept
        self._pool: ThreadPoolExecutor | None = None
        self._next: dict[int, Tensor] = {}
        self._gathered: tuple[Tensor, Future[Stored]] | None = None

    def expect(self, parts: Sequence[Tensor]) -> None:
        """Begin an epoch, whose batches will be at these indices, one after another."""
        if self._samples.pages is not None and parts:
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="mtl ahead")
            self._next = {id(one): other for one, other in pairwise(parts)}
            self._gather(parts[0])

    def batch(self, indices: Tensor) -> Batch:
        """Return the samples at `indices`, as `Samples.batch` does."""
        if self._gathered is None or self._gathered[0] is not indices:
            return self._samples.batch(self._kept(indices))
        stored = self._gathered[1].result()
        self._gathered = None
        if (following := self._next.get(id(indices))) is not None:
            self._gather(following)
        return self._samples.batch(self._kept(indices), stored)

    def _gather(self, indices: Tensor) -> None:
        assert self._pool is not None
        self._gathered = (indices, self._pool.submit(self._samples.stored, self._kept(indices)))
