"""Blocks are captured once per size and replayed; what a replay would not do is noticed, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.capture import CapturedBlocks, CudaCapture
from mtl.core.training.step import StepLosses
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


class Keeper(nn.Module):
    """Adds up what it is given: in a buffer, in place, or in a Python attribute."""

    def __init__(self, in_place: bool = True) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(()))
        self.count = 0
        self.in_place = in_place

    def work(self, indices: Tensor) -> StepLosses:
        self.total.add_(indices.sum())
        if not self.in_place:
            self.count += 1
        row = self.total.expand(1, 1)
        return StepLosses(row, row, row)


class Recorder:
    """Captures like a graph: nothing is done at once, and every replay works on the same memory."""

    def __init__(self) -> None:
        self.captured = self.replayed = 0

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        self.captured += 1

        def replay() -> StepLosses:
            self.replayed += 1
            return work()

        return replay


def blocks(keeper: Keeper, capture: Any, reason: str | None = None) -> CapturedBlocks:
    return CapturedBlocks(keeper.work, capture, [keeper], reason)


def test_the_second_block_of_a_size_is_captured() -> None:
    keeper, recorder = Keeper(), Recorder()
    run = blocks(keeper, recorder)
    for value in range(5):
        run(torch.full((4,), value))
    run(torch.ones(2, dtype=torch.int64))
    assert (recorder.captured, recorder.replayed) == (1, 4)
    assert float(keeper.total) == 4 * (0 + 1 + 2 + 3 + 4) + 2
    assert run.reason is None


def test_a_replays_results_outlive_the_next_one() -> None:
    run = blocks(Keeper(), Recorder())
    found = [float(run(torch.ones(1, dtype=torch.int64)).losses) for _ in range(4)]
    kept = [run(torch.ones(1, dtype=torch.int64)).losses for _ in range(3)]
    assert found == [1.0, 2.0, 3.0, 4.0]
    assert [float(value) for value in kept] == [5.0, 6.0, 7.0]


def test_work_that_cannot_be_captured_goes_on_with_the_reason() -> None:
    def refuse(work: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    keeper = Keeper()
    run = blocks(keeper, refuse)
    for _ in range(3):
        run(torch.ones(1, dtype=torch.int64))
    assert run.reason == "a step cannot be captured: operation not permitted when stream is capturing"
    assert float(keeper.total) == 3


def test_state_in_a_python_attribute_is_noticed() -> None:
    keeper = Keeper(in_place=False)

    def capture(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        before = keeper.total.clone()
        work()
        keeper.total.copy_(before)
        return work

    run = blocks(keeper, capture)
    for _ in range(3):
        run(torch.ones(1, dtype=torch.int64))
    assert run.reason == "a step changes a Python attribute, which a replay would not"
    assert float(keeper.total) == 3


def test_a_tensor_replaced_between_epochs_is_captured_anew() -> None:
    keeper, recorder = Keeper(), Recorder()
    run = blocks(keeper, recorder)
    for _ in range(3):
        run(torch.ones(1, dtype=torch.int64))
    run.begin_epoch()
    assert recorder.captured == 1
    keeper.total = torch.zeros(())
    run.begin_epoch()
    run(torch.ones(1, dtype=torch.int64))
    assert recorder.captured == 2
    assert float(keeper.total) == 1


def test_a_reason_given_at_the_start_prevents_a_capture() -> None:
    recorder = Recorder()
    run = blocks(Keeper(), recorder, "the balancer solves on the CPU")
    for _ in range(3):
        run(torch.ones(1, dtype=torch.int64))
    assert recorder.captured == 0


def trained(
    registry: Registry,
    device: torch.device,
    wrap: bool,
    balancer: Any = "sum",
    epochs: int = 3,
    capture: Any = None,
) -> tuple[Trainer, list[Any]]:
    tree: dict[str, Any] = {
        "tasks": ["denoise", "classify"],
        "encoder": "lenet",
        "augmentations": ["shift"],
        "balancer": balancer,
        "train": {"epochs": epochs, "batch_size": 8, "schedule": "cosine"},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.9, split_seed=0)
    trainer = Trainer(composition, splits.to(device), device)
    if wrap:
        trainer._captured = CapturedBlocks(
            lambda indices: trainer._work(indices, 0),
            capture(trainer) if capture else Recorder(),
            (composition.model, composition.balancer),
        )
    rows = [{k: v for k, v in result.row.items() if k != "seconds"} for result in trainer.epochs()]
    return trainer, rows


def test_replayed_blocks_train_the_same_model_as_single_steps(registry: Registry) -> None:
    _, plain = trained(registry, CPU, wrap=False)
    trainer, replayed = trained(registry, CPU, wrap=True)
    assert trainer.eager_reason is None
    assert replayed == plain


def test_a_capture_that_fails_leaves_the_random_numbers_as_they_were(registry: Registry) -> None:
    def refusing(trainer: Trainer) -> Any:
        def refuse(work: Any) -> Any:
            trainer._blocks.looks(torch.arange(8), 1, 0)  # draws what a step draws, before it breaks
            torch.rand(1)
            raise RuntimeError("a value was read back")

        return refuse

    _, plain = trained(registry, CPU, wrap=False)
    trainer, rows = trained(registry, CPU, wrap=True, capture=refusing)
    assert trainer.eager_reason == "a step cannot be captured: a value was read back"
    assert rows == plain


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
    return state


def test_a_broken_capture_leaves_stream_and_generators_fit_for_eager_work(cuda: dict[str, Any]) -> None:
    def refuse() -> StepLosses:
        raise RuntimeError("a value was read back")

    own = Generator()
    capture = CudaCapture(torch.device("cuda"), [own])  # type: ignore[list-item]
    run = CapturedBlocks(lambda indices: Keeper().work(indices), lambda work: capture(refuse), [])
    for _ in range(2):
        run(torch.ones(1, dtype=torch.int64))
    assert run.reason == "a step cannot be captured: a value was read back"
    assert cuda["stream"] == "usual"
    assert (own.renewed, cuda["default"].renewed) == (1, 1)


def test_a_second_device_captures_on_a_stream_of_its_own(cuda: dict[str, Any]) -> None:
    """On a stream of another device nothing would be recorded, and a replay do nothing."""
    device = torch.device("cuda", 1)
    CudaCapture(device, [])(lambda: Keeper().work(torch.ones(1)))
    assert cuda["captured on"] == ("a stream of cuda:1", device)


def test_graphs_share_a_pool_as_long_as_one_of_them_lives(cuda: dict[str, Any]) -> None:
    keeper = Keeper()
    capture = CudaCapture(torch.device("cuda"), [])
    replays = [capture(lambda: keeper.work(torch.ones(1))) for _ in range(2)]
    replays.clear()
    capture(lambda: keeper.work(torch.ones(1)))
    assert cuda["pools"] == [1, 1, 2]


def test_a_balance_on_features_keeps_no_graph_of_the_step(registry: Registry) -> None:
    """Else the nodes that add up gradients would stay on the eager step's stream, and no step be captured."""
    balancer = {"name": "gradnorm", "on": "features"}
    trainer, _ = trained(registry, CPU, wrap=False, balancer=balancer, epochs=1)
    assert trainer._step.balancing._cut is not None
    assert trainer._step.balancing._cut.stages == ()
    deepcopy(trainer.composition.model)


def test_a_model_copied_in_the_middle_of_a_step_leaves_the_graph_behind(registry: Registry) -> None:
    balancer = {"name": "gradnorm", "on": "features"}
    trainer, _ = trained(registry, CPU, wrap=False, balancer=balancer, epochs=1)
    trainer.composition.model.train()
    look = trainer._blocks.looks(torch.arange(4), 1, 0)[0][0]
    trainer.composition.model(look.image, look.inputs, look.tasks, prepared=True)
    cut = trainer._step.balancing._cut
    assert cut is not None
    assert cut.stages
    assert deepcopy(cut).stages == ()


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_cuda
def test_on_cuda_steps_are_captured_and_train_the_same_model(registry: Registry) -> None:
    trainer, rows = trained(registry, torch.device("cuda"), wrap=False)
    assert trainer.eager_reason is None
    assert trainer._captured is not None
    assert trainer._captured._replays
    eager, expected = trained(registry, torch.device("cuda"), wrap=True)
    assert eager.eager_reason is None
    assert rows == [pytest.approx(row, rel=1e-2) for row in expected]


@needs_cuda
def test_on_cuda_nothing_waits_for_the_device_inside_a_block(registry: Registry) -> None:
    trainer, _ = trained(registry, torch.device("cuda"), wrap=False)
    indices = torch.arange(16, device="cuda")
    trainer._blocks.restart(1, 0)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer._work(indices, 0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
