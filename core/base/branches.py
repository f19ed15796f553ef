"""Independent parts of one model: side by side in a CUDA graph, each on a stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

import torch

from .nests import tensors_in

Found = TypeVar("Found")

_DEPTH: ContextVar[int] = ContextVar("depth of branches", default=0)
"""In how many forks the work in hand lies: the first branch goes on where it came from, and may fork too."""


def side_by_side(
    works: Sequence[Callable[[], Found]], device: torch.device, reads: object = ()
) -> list[Found]:
    """Do works of which none needs another; return what they give, in order.

    While a CUDA graph is captured each has a branch in it, and so has its backward pass, which autograd runs
    where the forward pass ran. Anywhere else they are done one after another. They are begun in order, so
    what they draw, and every number, is the same. `reads` are tensors, in any nest of containers, that were
    made before and that works read.

    >>> side_by_side([lambda: 1, lambda: 2], torch.device("cpu"))
    [1, 2]
    """
    if len(works) < 2 or not _captures(device):
        return [work() for work in works]
    return _on_streams(works, device, reads)


def _captures(device: torch.device) -> bool:
    if device.type != "cuda" or torch.compiler.is_compiling() or not torch.cuda.is_initialized():
        return False
    return torch.cuda.is_current_stream_capturing()


def _on_streams(works: Sequence[Callable[[], Found]], device: torch.device, reads: object) -> list[Found]:
    main = torch.cuda.current_stream(device)
    begun = main.record_event()
    read = tensors_in(reads)
    beside: list[Any] = []
    depth = _DEPTH.get()
    within = _DEPTH.set(depth + 1)
    try:
        found = [works[0]()]
        for number, work in enumerate(works[1:], start=1):
            stream = _stream(device, main.stream_id, depth, number)
            stream.wait_event(begun)
            beside.append(stream)
            # The allocator knows a tensor by the stream that made it: it must not give its memory away before
            # the other one is done with it too.
            for tensor in read:
                tensor.record_stream(stream)
            with torch.cuda.stream(stream):
                given = work()
            for tensor in tensors_in(given):
                tensor.record_stream(main)
            found.append(given)
    finally:
        _DEPTH.reset(within)
        # After an error too: a capture with a branch that is not joined cannot be ended.
        for stream in beside:
            main.wait_stream(stream)
    return found


@cache
def _stream(device: torch.device, main: int, depth: int, number: int) -> Any:
    """Return the stream of a branch: always the same, for torch keeps freed memory stream by stream."""
    return torch.cuda.Stream(device)
