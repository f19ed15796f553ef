"""Brings the samples of a block to its steps: as indices, or, where data stay in host memory, themselves.

What is sent has the same shapes for every block of a size, so a captured block can be given any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from ..contracts.batch import Batch
from ..data.samples import Samples
from .ahead import Ahead

Sent = tuple[Tensor, ...]
"""The indices of a block's samples, int64 `[N]`, and what else its batch is made of, on the device."""

Keep = Callable[[Tensor], Tensor]
"""Returns of the indices of a block's samples those of the samples that this process gathers."""


class Feed(Protocol):
    """Sends the blocks of an epoch, one after another; any other indices may be sent in between."""

    def expect(self, parts: Sequence[Tensor]) -> None:
        """Begin an epoch, whose blocks will be of the samples at these indices, in this order."""

    def send(self, indices: Tensor) -> Sent:
        """Send the samples at int64 `indices` `[N]`."""

    def batch(self, sent: Sent) -> Batch:
        """Return what was sent as a batch of the samples that are gathered, its images float32 in 0..1."""


def everyone(indices: Tensor) -> Tensor:
    """Return all of the indices: every sample of a block is gathered."""
    return indices


def feed_of(samples: Samples, keep: Keep = everyone) -> Feed:
    """Return what feeds these samples."""
    return Streamed(samples, keep) if samples.streams else Resident(samples, keep)


class Resident:
    """Samples that lie where the steps are: only their indices are sent."""

    def __init__(self, samples: Samples, keep: Keep = everyone) -> None:
        self._ahead = Ahead(samples, keep)

    def expect(self, parts: Sequence[Tensor]) -> None:
        self._ahead.expect(parts)

    def send(self, indices: Tensor) -> Sent:
        return (indices,)

    def batch(self, sent: Sent) -> Batch:
        return self._ahead.batch(*sent)


class Streamed:
    """Samples in host memory: while one block is trained on, a thread gathers the next.

    There are two buffers, pinned where there is CUDA, so that the device fetches from one while the other is
    filled; one is filled again only when what it held has arrived.
    """

    def __init__(self, samples: Samples, keep: Keep = everyone) -> None:
        assert samples.streams_to is not None
        self._samples = samples
        self._keep = keep
        self._device = samples.streams_to
        self._buffers = [_Buffer(samples, self._device) for _ in range(2)]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mtl feed")
        self._next: dict[int, Tensor] = {}
        self._gathered: tuple[Tensor, _Buffer, Future[Sent]] | None = None

    def expect(self, parts: Sequence[Tensor]) -> None:
        self._next = {id(one): other for one, other in pairwise(parts)}
        if parts:
            self._gather(parts[0])

    def send(self, indices: Tensor) -> Sent:
        if self._gathered is None or self._gathered[0] is not indices:
            found = tuple(part.to(self._device) for part in self._samples.gathered(self._keep(indices)))
            return indices.to(self._device), *found
        _, buffer, ready = self._gathered
        self._gathered = None
        sent = tuple(part.to(self._device, non_blocking=True, copy=True) for part in ready.result())
        buffer.arrival = _arrival(self._device)
        if (following := self._next.get(id(indices))) is not None:
            self._gather(following)
        return indices.to(self._device, non_blocking=True), *sent

    def batch(self, sent: Sent) -> Batch:
        return self._samples.made(sent[1:])

    def _gather(self, indices: Tensor) -> None:
        buffer = self._buffers[0]
        self._buffers.reverse()
        self._gathered = (indices, buffer, self._pool.submit(buffer.fill, self._keep(indices)))


class _Buffer:
    """Memory of the host for the samples of a block."""

    def __init__(self, samples: Samples, device: torch.device) -> None:
        self._samples = samples
        self._pinned = device.type == "cuda"
        self._held: Sent = ()
        self.arrival: Any = None

    def fill(self, indices: Tensor) -> Sent:
        """Gather samples, once those that were here have arrived on the device."""
        if self.arrival is not None:
            self.arrival.synchronize()
        count = len(indices)
        if not self._held or len(self._held[0]) < count:
            self._held = tuple(
                torch.empty((count, *like.shape[1:]), dtype=like.dtype, pin_memory=self._pinned)
                for like in self._samples.sources
            )
        parts = tuple(part[:count] for part in self._held)
        self._samples.gather_into(parts, indices)
        return parts


def _arrival(device: torch.device) -> Any:
    """Return what can be waited for until everything sent so far has arrived; None where it has."""
    if device.type != "cuda":
        return None
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(device))
    return event
