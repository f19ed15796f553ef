"""The memory format is tried where it can matter, remembered, and changes no result beyond rounding."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mtl.core.cache import cache_folder
from mtl.core.composer import compose
from mtl.core.composition import Composition
from mtl.core.data import Splits, load_splits
from mtl.core.recipe_reader import read
from mtl.core.recipe_source import RecipeSource
from mtl.core.registry import Registry
from mtl.core.training import memory_format
from mtl.core.training.execution import Execution
from mtl.core.training.memory_format import settle, time_formats, worth_a_trial
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture
def cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))


def composed(registry: Registry, encoder: str = "lenet", **train: Any) -> tuple[Composition, Splits]:
    values = {"epochs": 1, "validation": 0.8, **train}
    tree = {"tasks": ["denoise", "classify"] if encoder == "lenet" else ["classify"], "encoder": encoder}
    composition = compose(read(RecipeSource({**tree, "train": values}), registry), registry)
    return composition, load_splits(composition.dataset, validation=0.8, split_seed=0)


@pytest.mark.parametrize(
    ("encoder", "epochs", "expected"), [("lenet", 100, True), ("lenet", 1, False), ("mlp", 100, False)]
)
def test_a_trial_needs_convolutions_and_a_long_training(
    registry: Registry, encoder: str, epochs: int, expected: bool
) -> None:
    composition, splits = composed(registry, encoder, epochs=epochs)
    assert worth_a_trial(composition, splits.train) is expected


def test_a_trial_leaves_the_model_and_the_generators_alone(registry: Registry) -> None:
    composition, splits = composed(registry)
    before = {name: value.clone() for name, value in composition.model.state_dict().items()}
    state = torch.get_rng_state()
    times = time_formats(composition, splits.train, CPU)
    assert set(times) == {"contiguous", "channels_last"}
    assert all(seconds > 0 for seconds in times.values())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in composition.model.state_dict().items())


@pytest.mark.usefixtures("cache")
def test_what_a_trial_found_is_remembered(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    composition, splits = composed(registry, epochs=100)
    measured = [{"contiguous": 2.0, "channels_last": 1.0}]
    monkeypatch.setattr(memory_format, "time_formats", lambda *_: measured.pop())
    first = settle(composition, splits.train, CPU)
    assert first == Execution(True, {"contiguous": 2000.0, "channels_last": 1000.0})
    assert settle(composition, splits.train, CPU) == first
    assert Execution.from_json(first.to_json()) == first


@pytest.mark.usefixtures("cache")
def test_a_damaged_memory_is_measured_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    composition, splits = composed(registry, epochs=100)
    monkeypatch.setattr(memory_format, "time_formats", lambda *_: {"contiguous": 1.0, "channels_last": 2.0})
    settle(composition, splits.train, CPU)
    (file,) = (cache_folder() / "memory-format").iterdir()
    file.write_text("{")
    monkeypatch.setattr(memory_format, "time_formats", lambda *_: {"contiguous": 2.0, "channels_last": 1.0})
    assert settle(composition, splits.train, CPU).channels_last


@pytest.mark.parametrize("wanted", [True, False])
def test_the_recipe_has_the_last_word(registry: Registry, wanted: bool) -> None:
    composition, splits = composed(registry, epochs=100, channels_last=wanted)
    assert settle(composition, splits.train, CPU) == Execution(wanted)


def test_both_formats_train_the_same_model_up_to_rounding(registry: Registry) -> None:
    rows = []
    for channels_last in (False, True):
        composition, splits = composed(registry)
        trainer = Trainer(composition, splits, CPU, execution=Execution(channels_last))
        rows.append(next(trainer.epochs()).row)
    assert {k: v for k, v in rows[0].items() if k != "seconds"} == pytest.approx(
        {k: v for k, v in rows[1].items() if k != "seconds"}, rel=1e-3
    )
