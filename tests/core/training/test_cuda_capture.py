"""CUDA graphs with the parts of torch that a capture calls replaced: what is left of one that fails."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.training.capture import CapturedBlocks
from mtl.core.training.cuda_capture import CudaCapture
from mtl.core.training.step import StepLosses


def work(indices: Tensor) -> StepLosses:
    row = indices.sum().float().expand(1, 1)
    return StepLosses(row, row, row)


class Graph:
    """Stands in for a CUDA graph and for the context that captures it; ending a broken capture fails too."""

    def __init__(self) -> None:
        self.registered: list[Any] = []

    def register_generator_state(self, generator: Any) -> None:
        self.registered.append(generator)

    def replay(self) -> None:
        pass


class Generator:
    def __init__(self) -> None:
        self.renewed = 0

    def clone_state(self) -> Generator:
        return Generator()

    def graphsafe_set_state(self, state: Generator) -> None:
        self.renewed += 1


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replace the parts of CUDA that a capture calls; remember the pools used and the current stream."""
    state: dict[str, Any] = {"pools": [], "stream": "usual", "made": 0, "default": Generator()}
    state["freed"] = lambda: None

    @contextmanager
    def capturing(graph: Graph, pool: Any, stream: Any, capture_error_mode: str) -> Iterator[None]:
        state["pools"].append(pool)
        state["captured on"] = (stream, state["device"])
        state["stream"] = "capture"
        try:
            yield
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture") from None
        state["stream"] = "usual"

    def handle() -> int:
        state["made"] += 1
        return int(state["made"])

    @contextmanager
    def current(device: torch.device) -> Iterator[None]:
        state["device"] = device
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "device", current)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: f"a stream of {device}")
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", handle)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: state["stream"])
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: state.update(stream=stream))
    monkeypatch.setattr(torch.cuda, "default_generators", (state["default"],))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: state["freed"]())
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    return state


def test_a_broken_capture_leaves_stream_and_generators_fit_for_eager_work(cuda: dict[str, Any]) -> None:
    def refuse() -> StepLosses:
        raise RuntimeError("a value was read back")

    own = Generator()
    capture = CudaCapture(torch.device("cuda"), [own])  # type: ignore[list-item]
    run = CapturedBlocks(work, lambda _: capture(refuse), [])
    for _ in range(2):
        run(torch.ones(1, dtype=torch.int64))
    assert str(run.reason).startswith("a step cannot be captured: a value was read back (at ")
    assert cuda["stream"] == "usual"
    assert (own.renewed, cuda["default"].renewed) == (1, 1)


def test_a_second_device_captures_on_a_stream_of_its_own(cuda: dict[str, Any]) -> None:
    """On a stream of another device nothing would be recorded, and a replay do nothing."""
    device = torch.device("cuda", 1)
    CudaCapture(device, [])(lambda: work(torch.ones(1)))
    assert cuda["captured on"] == ("a stream of cuda:1", device)


def test_graphs_share_a_pool_as_long_as_one_of_them_lives(cuda: dict[str, Any]) -> None:
    capture = CudaCapture(torch.device("cuda"), [])
    replays = [capture(lambda: work(torch.ones(1))) for _ in range(2)]
    replays.clear()
    capture(lambda: work(torch.ones(1)))
    assert cuda["pools"] == [1, 1, 2]


def test_an_old_graph_in_a_cycle_is_not_destroyed_in_the_middle_of_a_capture(cuda: dict[str, Any]) -> None:
    """Destroying a graph is not permitted then: the capture breaks, and nothing says why."""
    destroyed: list[str] = []
    capturing = False

    class Old:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            destroyed.append("in a capture" if capturing else "before")

    def step() -> StepLosses:
        nonlocal capturing
        capturing = True
        garbage = [[index] for index in range(5000)]  # what the collector counts, and goes to work after
        del garbage
        found = work(torch.ones(1))
        capturing = False
        return found

    threshold = gc.get_threshold()
    gc.set_threshold(100, 1, 1)
    try:
        gc.collect()
        gc.disable()
        Old()
        gc.enable()
        CudaCapture(torch.device("cuda"), [])(step)
    finally:
        gc.set_threshold(*threshold)
    assert destroyed == ["before"]
    assert gc.isenabled()


def test_what_torch_warned_of_in_a_broken_capture_is_told_too(cuda: dict[str, Any]) -> None:
    def step() -> StepLosses:
        warnings.warn("operation not permitted when stream is capturing (function reset)", stacklevel=1)
        raise RuntimeError("operation failed due to a previous error during capture")

    capture = CudaCapture(torch.device("cuda"), [])
    run = CapturedBlocks(work, lambda _: capture(step), [])
    for _ in range(2):
        run(torch.ones(1, dtype=torch.int64))
    assert "operation not permitted when stream is capturing (function reset)" in str(run.reason)


def test_a_graph_of_nothing_is_refused(cuda: dict[str, Any]) -> None:
    """Its replays would do nothing, and the losses would stay as they are."""

    def step() -> StepLosses:
        warnings.warn("The CUDA Graph is empty. This usually means ...", stacklevel=1)
        return work(torch.ones(1))

    with pytest.raises(RuntimeError, match="nothing was recorded"):
        CudaCapture(torch.device("cuda"), [])(step)


def test_warnings_of_a_capture_that_succeeds_are_shown(cuda: dict[str, Any]) -> None:
    def step() -> StepLosses:
        warnings.warn("lookout", stacklevel=1)
        return work(torch.ones(1))

    with pytest.warns(UserWarning, match="lookout"):
        CudaCapture(torch.device("cuda"), [])(step)


def breaking() -> StepLosses:
    raise RuntimeError("a value was read back")


def test_an_allocator_that_believes_in_a_broken_capture_is_told_of_its_end(
    cuda: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Any] = []

    def freed() -> None:
        if not ended:
            raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    cuda["freed"] = freed
    for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        monkeypatch.setattr(
            torch._C, name, lambda *arguments, name=name: ended.append((name, *arguments)), raising=False
        )
    with pytest.raises(RuntimeError, match="due to a previous error"):
        CudaCapture(torch.device("cuda"), [])(breaking)
    assert ended == [("_cuda_endAllocateToPool", 0, 1), ("_cuda_releasePool", 0, 1)]


def test_an_allocator_that_cannot_be_mended_is_told_after_the_first_cause(
    cuda: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        monkeypatch.setattr(torch._C, name, lambda *_: None, raising=False)

    def freed() -> None:
        raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    cuda["freed"] = freed
    capture = CudaCapture(torch.device("cuda"), [])
    run = CapturedBlocks(work, lambda _: capture(breaking), [])
    for _ in range(2):
        run(torch.ones(1, dtype=torch.int64))
    assert str(run.reason).startswith("a step cannot be captured: a value was read back (at ")
    assert "INTERNAL ASSERT FAILED" in str(run.reason)


def test_after_a_broken_capture_the_next_has_a_pool_of_its_own(cuda: dict[str, Any]) -> None:
    capture = CudaCapture(torch.device("cuda"), [])
    kept = capture(lambda: work(torch.ones(1)))
    with pytest.raises(RuntimeError):
        capture(breaking)
    capture(lambda: work(torch.ones(1)))
    assert cuda["pools"] == [1, 1, 2]
    assert kept is not None
