"""Where memory runs out in a capture, shorter graphs are tried, and single steps come last; it is told.

What is trained does not depend on it, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base import device as devices
from mtl.core.base.device import is_out_of_memory
from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training import fitting_blocks
from mtl.core.training.capture import CapturedBlocks
from mtl.core.training.fitting_blocks import positions
from mtl.core.training.step import Step, StepLosses
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


class SmallCard:
    """Captures like a graph of at most `most` steps: Python runs, tensors stay, replays compute.

    Memory runs out in the middle of a step, and the broken capture is ended with another error, as torch
    does where branches were not joined.
    """

    def __init__(self, trainer: Trainer, most: int) -> None:
        self.trainer, self.most = trainer, most
        self.tried: list[int] = []
        self.lengths: list[int] = []
        self._taken = 0
        plain = trainer._step

        def step(*given: Any) -> StepLosses:
            found = plain(*given)
            self._taken += 1
            if self._capturing and self._taken > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return found

        self._capturing = False
        trainer._step = _Stepping(plain, step)  # type: ignore[assignment]

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        changes = self.trainer._changes()
        before = [tensor.detach().clone() for tensor in changes]
        back = positions(CPU, self.trainer._blocks.generators)
        self._taken, self._capturing = 0, True
        try:
            work()
            self.lengths.append(self._taken)
            # A replay runs no Python: it goes on from here.
            back()
            self.trainer._blocks.generators._asked.clear()
        except torch.OutOfMemoryError:
            self.tried.append(self._taken)
            raise RuntimeError("CUDA error: capturing stream has unjoined work")  # noqa: B904 - as torch does
        finally:
            self._capturing = False
            for tensor, value in zip(changes, before, strict=True):
                tensor.detach().copy_(value)

        return work


class _Stepping:
    def __init__(self, plain: Step, call: Callable[..., StepLosses]) -> None:
        self._plain, self._call = plain, call

    def __call__(self, *given: Any) -> StepLosses:
        return self._call(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


def trainer(registry: Registry, most: int | None, changes: dict[str, Any] | None = None) -> Trainer:
    """Return a trainer on a card that holds graphs of `most` steps; None: one whose steps are single."""
    changes = changes or {}
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 83, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": {"shape-class": {"head": {"name": "mlp", "hidden": [8], "dropout": 0.5}}},
        "augmentations": ["erase"],
        **changes,
        "train": {"epochs": 2, "batch_size": 1, "schedule": "one-cycle", **changes.get("train", {})},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    made = Trainer(composition, load_splits(composition.dataset, validation=0.2, split_seed=0), CPU)
    made.told = []  # type: ignore[attr-defined]
    made.tell = made.told.append  # type: ignore[attr-defined]
    if most is not None:
        made.card = SmallCard(made, most)  # type: ignore[attr-defined]
        made._captured = made._fitting_blocks(made.card)  # type: ignore[attr-defined]
    return made


def trained(made: Trainer) -> tuple[list[dict[str, float]], Tensor]:
    rows = [{k: v for k, v in result.row.items() if k != "seconds"} for result in made.epochs()]
    return rows, torch.cat([value.detach().flatten() for value in made.composition.model.parameters()])


FEW = {"name": "shapes-synthetic", "train_size": 43, "test_size": 8}
FEATURES = {
    "dataset": FEW,
    "tasks": ["shape-class", "shape-count"],
    "balancer": {"name": "gradnorm", "on": "features"},
}

RUNS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dropout, noise, a schedule": ({}, (64, 5, 1, 0)),
    "runs of three batches": ({"train": {"accumulate": 3}}, (64, 5, 1)),
    "balance on features": (FEATURES, (5,)),
    "two views": ({"dataset": FEW, "tasks": ["shape-class", "denoise"], "views": "per-task"}, (5,)),
}


@pytest.mark.parametrize("name", RUNS)
def test_results_do_not_depend_on_how_many_steps_fit_into_a_graph(name: str, registry: Registry) -> None:
    changes, cards = RUNS[name]
    expected = trained(trainer(registry, None, changes))
    for most in cards:
        made = trainer(registry, most, changes)
        rows, weights = trained(made)
        assert rows == expected[0], most
        assert torch.equal(weights, expected[1]), most
        assert bool(made.card.lengths) is (most >= made._training.accumulate)  # type: ignore[attr-defined]


def test_graphs_become_shorter_until_one_fits_and_each_try_is_told(registry: Registry) -> None:
    made = trainer(registry, 5)
    trained(made)
    room = "does not fit into memory (0.0 of 0.0 GiB were free): graphs of"
    assert made.told == [  # type: ignore[attr-defined]
        f"a graph of 16 steps {room} 8 steps are tried",
        f"a graph of 8 steps {room} 4 steps are tried",
    ]
    assert made.eager_reason is None
    assert max(made.card.lengths) == 4  # type: ignore[attr-defined]


def test_where_not_one_step_fits_steps_are_single_and_it_is_told(registry: Registry) -> None:
    made = trainer(registry, 0)
    trained(made)
    assert len(made.told) == 4  # type: ignore[attr-defined]
    assert made.told[-1].endswith("graphs of 1 step are tried")  # type: ignore[attr-defined]
    assert made.eager_reason == "not even a graph of one step fits into memory (0.0 of 0.0 GiB were free)"
    assert len(made.card.tried) == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize(("accumulate", "tried"), [(3, ["15", "6", "3"]), (5, ["15", "5"]), (16, ["16"])])
def test_shorter_graphs_hold_whole_runs_of_batches(
    accumulate: int, tried: list[str], registry: Registry
) -> None:
    made = trainer(registry, 0, {"train": {"accumulate": accumulate}})
    trained(made)
    told = [line.split()[3] for line in made.told]  # type: ignore[attr-defined]
    assert told == tried[:-1]
    assert str(made.eager_reason).startswith(f"not even a graph of {tried[-1]} steps fits into memory")


@pytest.mark.parametrize("most", [5, 0])
def test_a_resumed_training_does_not_try_again_what_did_not_fit(most: int, registry: Registry) -> None:
    expected = trained(trainer(registry, None, {"train": {"epochs": 3}}))
    stopped = trainer(registry, most, {"train": {"epochs": 3}}).epochs()
    next(stopped)
    checkpoint = next(stopped).checkpoint
    resumed = trainer(registry, most, {"train": {"epochs": 3}})
    resumed.restore(checkpoint)
    rows, weights = trained(resumed)
    assert resumed.told == []  # type: ignore[attr-defined]
    assert resumed.card.tried == []  # type: ignore[attr-defined]
    assert rows == expected[0][2:]
    assert torch.equal(weights, expected[1])
    assert bool(resumed.eager_reason) is (most == 0)


def test_a_training_resumed_on_a_larger_card_tries_whole_blocks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = trainer(registry, 5).epochs()
    checkpoint = next(stopped).checkpoint
    monkeypatch.setattr(fitting_blocks, "free_memory", lambda device: (8 << 30, 16 << 30))
    resumed = trainer(registry, 16)
    resumed.restore(checkpoint)
    trained(resumed)
    assert max(resumed.card.lengths) == 16  # type: ignore[attr-defined]


def test_what_a_failed_capture_holds_is_let_go(registry: Registry) -> None:
    """Gradients, those kept of a run, and what features were made of lie in the memory that ran out."""
    made = trainer(registry, 2, FEATURES)
    seen: list[bool] = []

    def capture(work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        work()
        raise torch.OutOfMemoryError("CUDA out of memory")

    def restart() -> None:
        update, balancing = made._update, made._step.balancing
        held = [*(parameter.grad for parameter in update._parameters), *update._held]
        assert balancing._cut is not None
        seen.append(all(one is None for one in held) and not balancing._cut.stages)

    run = CapturedBlocks(made._replayed, capture, [], forget=made._step.abandon)
    made.composition.model.train()
    for _ in range(2):
        made._blocks.restart(1, 0)
        run((torch.arange(4),), restart)
    assert seen == [True]


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_memory_that_runs_out_is_known_by_whatever_says_so(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))


def test_the_free_memory_is_what_is_left_when_torch_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: asked.append("given back"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (asked.append("read"), (1, 2))[1])
    assert devices.free_memory(torch.device("cuda")) == (1, 2)
    assert asked == ["given back", "read"]
