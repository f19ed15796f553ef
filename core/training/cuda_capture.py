"""Captures work in CUDA graphs, and leaves the device fit for eager work where that fails."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakSet

import torch

from ..base.collection import uncollected
from .step import StepLosses


class CudaCapture:
    """Captures work in CUDA graphs that share one pool of memory, with generators that go on drawing.

    A capture that fails leaves device and generators fit for eager work; what torch warned of meanwhile is a
    note on the error.
    """

    def __init__(self, device: torch.device, generators: Iterable[torch.Generator]) -> None:
        self._device = device
        self._generators = generators
        self._graphs: WeakSet[Any] = WeakSet()
        self._pool: Any = None
        self._stream: Any = None

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        if self._stream is None:
            # Left to itself torch captures on a stream of the current device, whatever the work's device is.
            self._stream = torch.cuda.Stream(self._device)
        if not self._graphs:
            # A pool ends with its last graph, even while a gradient still lies in it: it takes no new one.
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        generators = list(self._generators)
        for generator in generators:
            graph.register_generator_state(generator)
        # A graph of a finished training that Python's collector destroys in the middle of a capture breaks
        # it, without an error of its own (pytorch #161037): those in cycles go before.
        gc.collect()
        stream = torch.cuda.current_stream(self._device)
        torch.cuda.synchronize(self._device)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                with torch.cuda.device(self._device), uncollected(), self._capturing(graph):
                    found = work()
                _refuse_empty(warned)
            except BaseException as error:
                for note in dict.fromkeys(str(warning.message).splitlines()[0] for warning in warned):
                    error.add_note(note)
                self._recover(stream, generators)
                raise
        for warning in warned:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        self._graphs.add(graph)

        def replay() -> StepLosses:
            graph.replay()
            return found

        return replay

    def _capturing(self, graph: Any) -> AbstractContextManager[Any]:
        return torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        )

    def _recover(self, stream: Any, generators: Iterable[torch.Generator]) -> None:
        """Undo what torch leaves of a broken capture: its stream, and what believes in it."""
        torch.cuda.set_stream(stream)
        everyone = [*generators, torch.cuda.default_generators[self._device.index or 0]]
        for generator in everyone:
            generator.graphsafe_set_state(generator.clone_state())
        _free_allocator(self._device, self._pool)
        self._graphs.clear()


def _refuse_empty(warned: Sequence[warnings.WarningMessage]) -> None:
    """Raise `RuntimeError` when nothing was recorded: every replay would do nothing, without an error."""
    if any("graph is empty" in str(warning.message).lower() for warning in warned):
        raise RuntimeError("nothing was recorded: the work was done on another device or stream")


def _free_allocator(device: torch.device, pool: Any) -> None:
    """End a broken capture for torch's allocator, which up to 2.11 may go on believing in it.

    Every later capture and every freeing of memory in the process would fail (pytorch #180395).
    """
    try:
        torch.cuda.empty_cache()
        return
    except RuntimeError:
        pass  # it believes in the capture: the calls below are what torch forgot
    index = torch.cuda.current_device() if device.index is None else device.index
    for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        call = getattr(torch._C, name, None)
        if call is not None:
            call(index, pool)
    torch.cuda.empty_cache()
