"""Blocks are captured once per size and replayed; what a replay would not do is noticed, and told."""

from __future__ import annotations

import gc
import re
import warnings
import weakref
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
from mtl.core.training.capture import CapturedBlocks, Checks, causes
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
    assert run.reason is not None
    assert re.fullmatch(
        r"a step cannot be captured: operation not permitted when stream is capturing "
        rf"\(at {re.escape(__file__)}:\d+\)",
        run.reason,
    )
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
        "augmentations": ["shift", "rotate", "erase"],
        "balancer": balancer,
        "train": {"epochs": epochs, "batch_size": 8, "schedule": "cosine"},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.9, split_seed=0)
    trainer = Trainer(composition, splits.to(device), device)
    if wrap:
        trainer._captured = trainer._fitting_blocks(capture(trainer) if capture else Recorder())
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
            trainer._blocks.lessons(torch.arange(8), 1, 0)  # draws what a step draws, before it breaks
            torch.rand(1)
            raise RuntimeError("a value was read back")

        return refuse

    _, plain = trained(registry, CPU, wrap=False)
    trainer, rows = trained(registry, CPU, wrap=True, capture=refusing)
    assert str(trainer.eager_reason).startswith("a step cannot be captured: a value was read back (at ")
    assert rows == plain


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
    lesson = trainer._blocks.lessons(torch.arange(4), 1, 0)[0][0]
    trainer.composition.model(lesson.image, lesson.inputs, lesson.tasks, prepared=True)
    cut = trainer._step.balancing._cut
    assert cut is not None
    assert cut.stages
    assert deepcopy(cut).stages == ()


class Steps(nn.Module):
    """Adds what it is given and what it draws from a counter in Python, which a replay does not move."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(()))

    def work(self, indices: Tensor, counts: Iterator[int]) -> StepLosses:
        self.total.add_(indices.sum() + next(counts))
        row = self.total.clone().expand(1, 1)
        return StepLosses(row, row, row)


def frozen(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
    """Capture with one thing standing still: what a function outside of any component gives."""
    return work


def compared(steps: Steps, live: Iterator[int], stuck: Iterator[int], times: int) -> CapturedBlocks:
    """Blocks whose single steps draw from `live` and whose replays draw from `stuck`."""
    source = {"now": live}
    asked: list[str] = []

    def capture(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        def replay() -> StepLosses:
            source["now"] = stuck
            try:
                return work()
            finally:
                source["now"] = live

        return replay

    def changes() -> list[Tensor]:
        asked.append("once")
        return list(steps.buffers())

    run = CapturedBlocks(
        lambda indices: steps.work(indices, source["now"]), capture, [steps], checks=Checks(changes=changes)
    )
    for _ in range(times):
        run(torch.ones(1, dtype=torch.int64))
    assert len(asked) <= 1
    return run


def test_a_replay_is_compared_with_single_steps_and_what_stands_still_is_told() -> None:
    steps = Steps()
    run = compared(steps, iter(range(0, 900, 100)), iter([150] * 9), times=6)
    # One by one: 0 and 100; replayed: 150; compared, and taken one by one: 200; then for good: 300, 400.
    assert run.reason == (
        "a replay is not what single steps are: loss 1 of step 1 of a block is 404 instead of 454"
    )
    assert float(steps.total) == 6 + 0 + 100 + 150 + 200 + 300 + 400


def test_a_replay_that_agrees_goes_on_and_the_block_counts_once() -> None:
    steps = Steps()
    run = compared(steps, iter([0] * 9), iter([0] * 9), times=6)
    assert run.reason is None
    assert run._replays
    assert float(steps.total) == 6


def test_without_memory_for_single_steps_the_replay_counts() -> None:
    def exhausted() -> Iterator[int]:
        yield from (0, 0)
        raise MemoryError

    steps = Steps()
    run = compared(steps, exhausted(), iter([0] * 9), times=6)
    assert run.reason is None
    assert float(steps.total) == 6


@contextmanager
def waiting(*lines: str) -> Iterator[list[str]]:
    yield list(lines)


def test_what_waits_for_the_device_is_told_by_its_line_and_no_capture_is_tried() -> None:
    recorder, keeper = Recorder(), Keeper()
    run = CapturedBlocks(
        keeper.work, recorder, [keeper], checks=Checks(lambda: waiting("plugin.py:7", "plugin.py:7"))
    )
    for _ in range(4):
        run(torch.ones(1, dtype=torch.int64))
    assert run.reason == "a step waits for the device at plugin.py:7"
    assert recorder.captured == 0
    assert float(keeper.total) == 4


def test_one_more_block_is_looked_at_before_the_first_capture_only() -> None:
    recorder, keeper = Recorder(), Keeper()
    looks: list[int] = []

    @contextmanager
    def look() -> Iterator[list[str]]:
        looks.append(1)
        yield []

    run = CapturedBlocks(keeper.work, recorder, [keeper], checks=Checks(look))
    for size in (1, 1, 1, 2, 2, 2):
        run(torch.ones(size, dtype=torch.int64))
    assert (len(looks), recorder.captured, recorder.replayed) == (1, 2, 3)


def test_memory_that_runs_out_in_a_capture_is_tried_once_more_without_the_other_graphs() -> None:
    tried: list[int] = []
    keeper = Keeper()

    def capture(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        tried.append(len(run._replays))
        if run._replays:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return work

    run = CapturedBlocks(keeper.work, capture, [keeper])
    for size in (1, 1, 2, 2):
        run(torch.ones(size, dtype=torch.int64))
    assert tried == [0, 1, 0]
    assert run.reason is None
    assert list(run._replays) == [((2,),)]


def test_memory_that_is_too_small_for_any_graph_is_told() -> None:
    keeper = Keeper()

    def capture(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    run = CapturedBlocks(keeper.work, capture, [keeper])
    for _ in range(3):
        run(torch.ones(1, dtype=torch.int64))
    assert "CUDA out of memory" in str(run.reason)
    assert float(keeper.total) == 3


def test_the_first_cause_comes_first_with_its_line_and_what_it_led_to_follows() -> None:
    try:
        try:
            try:
                raise RuntimeError("a value was read back\nmore")
            finally:
                raise RuntimeError("the capture cannot be ended")
        except RuntimeError as error:
            error.add_note("warning: not permitted")
            raise
    except RuntimeError as error:
        told = causes(error)
    assert re.fullmatch(
        rf"a value was read back \(at {re.escape(__file__)}:\d+\); then: warning: not permitted; "
        "then: the capture cannot be ended",
        told,
    )


def test_a_finished_trainer_goes_without_pythons_collector(registry: Registry) -> None:
    """Else its graphs and data would stay on the device while the next one trains."""
    trainer, _ = trained(registry, CPU, wrap=False, epochs=1)
    object.__setattr__(trainer, "device", torch.device("cuda"))
    trainer._captured = trainer._prepare_capture()
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        gc.enable()


def test_graphs_are_given_back_after_the_last_epoch(registry: Registry) -> None:
    trainer, _ = trained(registry, CPU, wrap=True)
    assert trainer._captured is not None
    assert trainer._captured.graphs == 0


def test_everything_a_step_changes_is_known(registry: Registry) -> None:
    """A block is taken twice from the same state: what is not put back would count twice."""
    trainer, _ = trained(registry, CPU, wrap=False, balancer="moco", epochs=1)
    before = [tensor.clone() for tensor in trainer._changes()]
    indices = torch.arange(16)

    def block() -> Tensor:
        trainer._update.begin_block([1.0, 1.0])
        trainer._blocks.restart(1, 0)
        return trainer._work(indices, 0).losses

    trainer.composition.model.train()
    first = block()
    for tensor, value in zip(trainer._changes(), before, strict=True):
        tensor.detach().copy_(value)
    assert torch.equal(first, block())


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_cuda
def test_on_cuda_steps_are_captured_and_train_the_same_model(registry: Registry) -> None:
    trainer, rows = trained(registry, torch.device("cuda"), wrap=False)
    assert trainer.eager_reason is None
    assert trainer._captured is not None
    assert trainer._captured.graphs
    eager, expected = trained(registry, torch.device("cuda"), wrap=True)
    assert eager.eager_reason is None
    assert rows == [pytest.approx(row, rel=1e-2) for row in expected]


@needs_cuda
def test_on_cuda_nothing_waits_for_the_device_inside_a_block(registry: Registry) -> None:
    trainer, _ = trained(registry, torch.device("cuda"), wrap=False)
    indices = torch.arange(16, device="cuda")
    trainer._blocks.restart(1, 0)
    torch.cuda.synchronize()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*prototype feature")
        torch.cuda.set_sync_debug_mode("error")
    try:
        trainer._work(indices, 0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
