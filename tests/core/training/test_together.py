"""Seeds in one graph train as each does alone, whatever draws, learns or stops early; streams do nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running import seeds as seeds_module
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.seeds import SeedsPipeline
from mtl.core.training.fitting_blocks import FittingBlocks
from mtl.core.training.own_layers import OwnLayers
from mtl.core.training.step import StepLosses
from mtl.core.training.together import Member, Together, Ways
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")
SEEDS = (3, 4, 5)
DROPOUT = {"name": "mlp", "hidden": [8], "dropout": 0.5}

RECIPES: dict[str, dict[str, Any]] = {
    "sum": {},
    "dropout": {"tasks": {"shape-class": {"head": DROPOUT}, "shape-count": {"head": DROPOUT}}},
    "batch norm": {"encoder": {"name": "small-resnet", "widths": [2, 2], "depth": 1}},
    "learned balancer": {"balancer": "uncertainty"},
    "balancer that draws": {"balancer": "rlw"},
    "gradients": {"balancer": "mgda"},
    "augmentations": {"augmentations": ["shift", "erase"]},
}


class Recorder:
    """Captures like a graph, and counts; `drawn` are the generators that it was told of."""

    def __init__(self, generators: Callable[[], Any]) -> None:
        self.generators = generators
        self.captured = self.replayed = 0

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        self.captured += 1

        def replay() -> StepLosses:
            self.replayed += 1
            return work()

        return replay


class Streams:
    """Stands in for a device: branches are noted, and do nothing."""

    def __init__(self) -> None:
        self.recorders: list[Recorder] = []
        self.branches: list[int] = []
        self.joined = 0

    def ways(self, capture: Any = Recorder) -> Ways:
        def record(generators: Any) -> Any:
            self.recorders.append(capture(generators))
            return self.recorders[-1]

        return Ways(record, self.beside)

    def beside(self, works: Sequence[Callable[[], StepLosses]], reads: object) -> list[StepLosses]:
        self.branches += range(len(works))
        found = [work() for work in works]
        self.joined += 1
        return found


def trainers(registry: Registry, changes: dict[str, Any], seeds: tuple[int, ...] = SEEDS) -> list[Trainer]:
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": ["shape-class", "shape-count"],
        **changes,
        "train": {"epochs": 4, "batch_size": 8, **changes.get("train", {})},
    }
    splits: Splits | None = None
    made = []
    for seed in seeds:
        composition = compose(read(RecipeSource({**tree, "seed": seed}), registry), registry)
        splits = splits or load_splits(composition.dataset, validation=0.2, split_seed=0)
        made.append(Trainer(composition, splits, CPU))
        made[-1]._captured = made[-1]._fitting_blocks(Recorder(list))
    return made


Found = tuple[list[dict[str, float]], Tensor]


def rows(trainer: Trainer) -> list[dict[str, float]]:
    return [{k: v for k, v in result.row.items() if k != "seconds"} for result in trainer.epochs()]


def weights(trainer: Trainer) -> Tensor:
    modules = (trainer.composition.model, trainer.composition.balancer)
    return torch.cat([value.detach().flatten() for module in modules for value in module.parameters()])


def together(made: list[Trainer], ways: Ways, told: list[str] | None = None) -> list[list[dict[str, float]]]:
    """Train in threads that meet at every block."""
    group = Together(ways, (told if told is not None else []).append)
    members = [trainer.join(group) for trainer in made]

    def work(pair: tuple[Trainer, Member]) -> list[dict[str, float]]:
        try:
            return rows(pair[0])
        finally:
            pair[1].release()

    with ThreadPoolExecutor(len(made)) as pool:
        return list(pool.map(work, zip(made, members, strict=True), timeout=120))


@pytest.mark.parametrize("name", RECIPES)
def test_each_seed_is_what_it_is_alone(name: str, registry: Registry) -> None:
    alone = trainers(registry, RECIPES[name])
    expected = [rows(trainer) for trainer in alone]
    streams, made = Streams(), trainers(registry, RECIPES[name])
    before = torch.get_rng_state()
    assert together(made, streams.ways()) == expected
    assert torch.equal(before, torch.get_rng_state())
    for one, other in zip(made, alone, strict=True):
        assert torch.equal(weights(one), weights(other))
    (recorder,) = streams.recorders
    assert recorder.captured == 1
    assert recorder.replayed >= 2
    assert set(streams.branches) == {0, 1, 2}
    assert streams.joined * 3 == len(streams.branches)


def test_a_seed_that_stops_early_leaves_the_others_to_go_on(registry: Registry) -> None:
    changes = {"train": {"epochs": 8, "patience": 1, "learning_rate": 0.05}}
    alone = trainers(registry, changes)
    expected = [rows(trainer) for trainer in alone]
    assert len({len(found) for found in expected}) > 1
    assert together(trainers(registry, changes), Streams().ways()) == expected


def test_generators_of_layers_and_of_blocks_are_known_to_the_graph(registry: Registry) -> None:
    streams, made = Streams(), trainers(registry, RECIPES["augmentations"])
    together(made, streams.ways())
    found = list(streams.recorders[0].generators())
    assert {id(one) for trainer in made for one in trainer._blocks.generators} <= {id(one) for one in found}


class Refusing(Recorder):
    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_where_one_graph_does_not_fit_they_take_turns_and_it_is_told_once(registry: Registry) -> None:
    expected = [rows(trainer) for trainer in trainers(registry, RECIPES["dropout"])]
    told: list[str] = []
    made = trainers(registry, RECIPES["dropout"])
    assert together(made, Streams().ways(Refusing), told) == expected
    (reason,) = told
    assert reason.startswith("seeds take turns: a step cannot be captured: CUDA out of memory")
    assert all(trainer.eager_reason is None for trainer in made)


def test_what_waits_is_told_once_and_each_goes_on_by_itself(registry: Registry) -> None:
    @contextmanager
    def waits() -> Iterator[list[str]]:
        yield ["plugin.py:7"]

    streams, told = Streams(), list[str]()
    ways = Ways(streams.ways().capture, streams.beside, waits)
    expected = [rows(trainer) for trainer in trainers(registry, {})]
    assert together(trainers(registry, {}), ways, told) == expected
    assert told == ["seeds take turns: a step waits for the device at plugin.py:7"]


def test_one_that_fails_does_not_hold_up_the_others(registry: Registry) -> None:
    made = trainers(registry, {})
    expected = [rows(trainer) for trainer in trainers(registry, {})]
    group = Together(Streams().ways())
    members = [trainer.join(group) for trainer in made]
    found: dict[int, Any] = {}

    def work(place: int) -> None:
        try:
            if place == 1:
                made[1].on_step = _stop
            found[place] = rows(made[place])
        except UsageError as error:
            found[place] = error
        finally:
            members[place].release()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert (found[0], found[2]) == (expected[0], expected[2])
    assert isinstance(found[1], UsageError)


def _stop(done: int, total: int) -> None:
    raise UsageError("stopped")


def test_an_error_in_the_common_work_is_everyones(registry: Registry) -> None:
    made = trainers(registry, {})

    def broken(*_: Any) -> Any:
        raise UsageError("a component failed")

    made[2]._take = broken  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="a component failed"):
        together(made, Streams().ways())


def test_own_layers_draw_as_torchs_own_would_and_leave_those_alone() -> None:
    torch.manual_seed(7)
    expected = [torch.rand(2), torch.rand(2)]
    torch.manual_seed(1)
    before = torch.get_rng_state()
    layers = OwnLayers(CPU)
    layers.seed(7)
    found = []
    for _ in range(2):
        with layers.in_place():
            found.append(torch.rand(2))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(before, torch.get_rng_state())


def test_the_command_trains_seeds_together_where_they_may(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders, checkpoints and metrics of each seed are those of seeds that take turns."""
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": {"shape-class": {"head": DROPOUT}},
        "train": {"epochs": 3, "batch_size": 8},
    }
    recipe = read(RecipeSource(tree), registry)
    pipeline = Pipeline(registry, CPU, publishes=False)
    monkeypatch.setattr(seeds_module, "write_seeds_report", lambda *_: None)
    expected = SeedsPipeline(pipeline).run(recipe, tmp_path / "turns", (0, 1)).metrics

    streams = Streams()
    monkeypatch.setattr(seeds_module, "ways_of", lambda device: streams.ways())
    monkeypatch.setattr(
        Trainer,
        "_prepare_capture",
        lambda trainer: trainer._fitting_blocks(Recorder(list)),
    )
    found = SeedsPipeline(pipeline).run(recipe, tmp_path / "together", (0, 1)).metrics
    assert streams.recorders[0].replayed
    assert found["test"] == expected["test"]
    assert found["validation"] == expected["validation"]


def test_one_seed_or_one_that_cannot_be_captured_takes_its_blocks_by_itself(registry: Registry) -> None:
    many = SeedsPipeline(Pipeline(registry, CPU))
    made = trainers(registry, {})
    assert many.join(made[:1]) == []
    assert isinstance(made[1]._captured, FittingBlocks)
    made[1]._captured._now.reason = "a step waits for the device at plugin.py:7"
    assert many.join(made) == []
    assert not trainers(registry, {"train": {"deterministic": True}})[0].may_join
