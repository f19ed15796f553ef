"""Takes the steps of a block: one by one, or on CUDA as one replay of a captured graph.

A small model's step is hundreds of kernels of a few microseconds; launching them takes longer than running
them. A graph is captured for every size of a block that comes up (an epoch has two: full ones and the last)
and replayed with other sample indices, random numbers and learning rate, which all lie on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from ..base.errors import MtlError
from .step import StepLosses

Work = Callable[[Tensor], StepLosses]
"""Trains on the samples at indices `[N]`; gives every step's losses, balanced losses and counts, `[K, T]`."""

Capture = Callable[[Callable[[], StepLosses]], Callable[[], StepLosses]]
"""Records work without doing it, and returns what does it: every call works on the same memory."""


class CapturedBlocks:
    """Does `work` by replaying it, where it can be captured.

    The first block of a size is worked eagerly: whatever is made once, is made then. The second is captured.
    `reason` says why blocks are worked eagerly for good; it is None while nothing speaks against a capture.
    `keepers` are the modules that may keep state: what a step changes must be in tensors, in place, since a
    replay runs no Python.
    """

    def __init__(
        self, work: Work, capture: Capture, keepers: Iterable[nn.Module], reason: str | None = None
    ) -> None:
        self._work = work
        self._capture = capture
        self._keepers = tuple(keepers)
        self._replays: dict[int, tuple[Tensor, Callable[[], StepLosses]]] = {}
        self._met: set[int] = set()
        self._state: list[Any] | None = None
        self.reason = reason

    def __call__(self, indices: Tensor, restart: Callable[[], None] = lambda: None) -> StepLosses:
        """Train on a block; `restart` seeds its random numbers again, of which a failed capture took some."""
        size = len(indices)
        due = self.reason is None and size in self._met and size not in self._replays
        if due and not self._try_to_capture(indices):
            restart()
        if size in self._replays:
            static, replay = self._replays[size]
            static.copy_(indices)
            # The next replay overwrites what this one returns.
            return StepLosses(*(part.clone() for part in replay()))
        return self._eagerly(indices)

    def begin_epoch(self) -> None:
        """Drop captured work that reads memory which was replaced between two epochs, by a balancer say."""
        if self._state is not None and self._state != self._python_state():
            self._replays.clear()
            self._state = self._python_state()

    def _eagerly(self, indices: Tensor) -> StepLosses:
        self._met.add(len(indices))
        return self._work(indices)

    def _try_to_capture(self, indices: Tensor) -> bool:
        """Capture, or give a reason why not; return whether it was captured."""
        static = indices.clone()
        before = self._python_state()
        try:
            replay = self._capture(lambda: self._work(static))
        except MtlError:
            raise
        except Exception as error:
            # Whatever a plugin's component does that a graph cannot hold ends here, and is told.
            self.reason = f"a step cannot be captured: {_first_cause(error)}"
            self._replays.clear()
            return False
        if before != self._python_state():
            self.reason = "a step changes a Python attribute, which a replay would not"
            self._replays.clear()
            return False
        self._state = before
        self._replays[len(indices)] = (static, replay)
        return True

    def _python_state(self) -> list[Any]:
        """Return what a replay would not change: which memory tensors lie in, and plain values."""
        return [
            (type(module).__name__, name, _fingerprint(value))
            for keeper in self._keepers
            for module in keeper.modules()
            for part in (vars(module), module._parameters, module._buffers)
            for name, value in part.items()
            if name not in ("_parameters", "_buffers", "_modules")
        ]


def _first_cause(error: BaseException) -> str:
    """Return one line on what went wrong first: ending a broken capture fails too, and says less."""
    while error.__context__ is not None:
        error = error.__context__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def _fingerprint(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.data_ptr()
    if isinstance(value, int | float | str | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_fingerprint(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _fingerprint(item) for key, item in value.items()}
    return id(value)


class CudaCapture:
    """Captures work in CUDA graphs that share one pool of memory, with generators that go on drawing.

    A capture that fails leaves device and generators fit for eager work.
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
        stream = torch.cuda.current_stream(self._device)
        torch.cuda.synchronize(self._device)
        try:
            with torch.cuda.device(self._device), self._capturing(graph):
                found = work()
        except BaseException:
            self._recover(stream, generators)
            raise
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
        """Undo what torch leaves of a broken capture: its stream, and generators that believe in it."""
        torch.cuda.set_stream(stream)
        everyone = [*generators, torch.cuda.default_generators[self._device.index or 0]]
        for generator in everyone:
            generator.graphsafe_set_state(generator.clone_state())
