"""What does not fit is told with what would; data that stays in host memory trains the same model."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import MissingRequirementError
from mtl.core.base.progress import Progress
from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running import loading
from mtl.core.running.pipeline import Pipeline
from mtl.core.training import memory
from mtl.core.training.ahead import Ahead
from mtl.core.training.memory import largest_batch
from mtl.core.training.step import Step
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


class Told(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def recipe(registry: Registry, **train: Any) -> Recipe:
    values = {"epochs": 2, "validation": 0.85, **train}
    return read(RecipeSource({"tasks": ["parity"], "encoder": "mlp", "train": values}), registry)


def limit_batches(monkeypatch: pytest.MonkeyPatch, most: int, from_call: int = 1) -> None:
    """Let memory run out at batches above `most`."""
    plain = Step.__call__
    calls = {"count": 0}

    def step(self: Step, lessons: Any, failure: Any, closes: bool = True) -> Any:
        calls["count"] += 1
        if calls["count"] >= from_call and len(lessons[0].image) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return plain(self, lessons, failure, closes)

    monkeypatch.setattr(Step, "__call__", step)


def test_running_out_of_memory_names_a_batch_size_that_fits(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_batches(monkeypatch, most=20)
    with pytest.raises(MissingRequirementError) as caught:
        Pipeline(registry, CPU).run(recipe(registry, batch_size=64), tmp_path / "run")
    assert caught.value.message == "out of memory on cpu with batches of 64"
    assert caught.value.hint == "--set train.batch_size=16 fits"


def test_the_failed_step_is_gone_before_another_size_is_tried(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []

    def step(self: Step, lessons: Any, failure: Any, closes: bool = True) -> Any:
        activations = torch.zeros(4)
        held.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory")

    def largest(*_: Any) -> None:
        held.append(held[0]() is None)

    monkeypatch.setattr(Step, "__call__", step)
    monkeypatch.setattr(memory, "largest_batch", largest)
    with pytest.raises(MissingRequirementError):
        Pipeline(registry, CPU).run(recipe(registry), tmp_path / "run")
    assert held[1] is True


def test_epochs_before_memory_ran_out_are_kept(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        limit_batches(patch, most=0, from_call=6)
        with pytest.raises(MissingRequirementError) as caught:
            Pipeline(registry, CPU).run(recipe(registry, batch_size=64), path)
    assert (
        caught.value.hint == f"choose a smaller encoder; epochs before this one are kept: mtl resume {path}"
    )
    assert (path / "checkpoint" / "manifest.json").is_file()


def test_another_error_is_not_taken_for_memory(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Step, "__call__", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        Pipeline(registry, CPU).run(recipe(registry), tmp_path / "run")


def test_nothing_fits_where_one_sample_does_not(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    composition = compose(recipe(registry), registry)
    samples = load_splits(composition.dataset, validation=0.85, split_seed=0).train
    limit_batches(monkeypatch, most=0)
    assert largest_batch(composition, samples, CPU) is None


def test_a_batch_larger_than_the_data_set_is_told(registry: Registry, tmp_path: Path) -> None:
    told = Told()
    Pipeline(registry, CPU, told).run(recipe(registry, batch_size=5000, epochs=1), tmp_path / "run")
    assert told.warnings == [
        "train.batch_size is 5000, the training split has 215 samples: every epoch is one step"
    ]


def weights_of(trainer: Trainer) -> Mapping[str, Tensor]:
    return trainer.composition.model.state_dict()


def test_streamed_data_trains_the_same_model(registry: Registry) -> None:
    trainers = []
    for streams in (False, True):
        composition = compose(recipe(registry, epochs=1), registry)
        splits = load_splits(composition.dataset, validation=0.85, split_seed=0)
        assert splits.train.streams is False
        trainer = Trainer(composition, splits.streamed_to(CPU) if streams else splits, CPU)
        trainers.append((trainer, [result.row["validation/parity/loss"] for result in trainer.epochs()]))
    (one, losses), (other, again) = trainers
    assert losses == again
    assert all(torch.equal(value, weights_of(other)[name]) for name, value in weights_of(one).items())


def test_data_that_does_not_fit_streams_and_says_so(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "fits", lambda size, device: False)
    told = Told()
    outcome = Pipeline(registry, CPU, told).run(recipe(registry, epochs=1), tmp_path / "run")
    assert outcome.splits.train.streams
    (warning,) = told.warnings
    assert warning.startswith("the data set (1 MiB) does not fit on cpu beside the model: it stays in host")


def test_data_may_take_a_share_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    assert memory.fits(600, torch.device("cuda"))
    assert not memory.fits(601, torch.device("cuda"))


def test_memory_that_others_hold_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    composition = compose(recipe(registry), registry)
    monkeypatch.setattr(memory, "largest_batch", lambda *_: 8)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 << 30, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 16 << 30)
    error = memory.exhausted(composition, None, torch.device("cuda", 0))  # type: ignore[arg-type]
    assert error.message == (
        "out of memory on cuda:0 with batches of 32 (60.0 of its 80.0 GiB are not this process's)"
    )
    assert error.hint == "--set train.batch_size=8 fits"


def test_mapped_data_train_the_same_model_and_the_run_says_so(registry: Registry, tmp_path: Path) -> None:
    rows, hashes = [], []
    for place in ("resident", "mapped"):
        outcome = Pipeline(registry, CPU, publishes=False).run(
            recipe(registry, epochs=1, memory=place), tmp_path / place
        )
        assert outcome.splits.mapped is (place == "mapped")
        assert f"memory: {place}" in (tmp_path / place / "recipe.yaml").read_text()
        rows.append([{**row, "seconds": 0} for row in outcome.folder.read_history()])
        hashes.append(outcome.composition.recipe.hash())
    assert rows[0] == rows[1]
    assert hashes[0] == hashes[1]


def test_data_that_would_take_too_much_are_mapped_and_it_is_told(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.core.data.picture_storage.available_memory", lambda: 1 << 20)
    told = Told()
    outcome = Pipeline(registry, CPU, told, publishes=False).run(recipe(registry, epochs=1), tmp_path / "run")
    assert outcome.splits.mapped
    (warning,) = told.warnings
    assert warning.startswith(
        "the pictures (1 MiB) would take more than half of the free memory: they are read"
    )
    assert "memory: mapped" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_batches_read_ahead_are_those_that_are_asked_for(registry: Registry) -> None:
    composition = compose(recipe(registry), registry)
    samples = load_splits(composition.dataset, validation=0.85, split_seed=0, memory="mapped").train
    ahead = Ahead(samples)
    parts = torch.randperm(len(samples)).split(50)
    ahead.expect(parts)
    for asked in (parts[0], parts[1][:3], *parts[1:]):
        assert torch.equal(ahead.batch(asked).image, samples.batch(asked).image)
