"""A task that does not beat a constant answer is told, with what the run's own numbers say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.evaluation.shortfalls import leading, shortfalls
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.forms import Binary
from mtl.plugins.metrics.accuracy import Accuracy
from mtl.plugins.metrics.recall import Recall


@pytest.fixture(scope="module")
def measured() -> Registry:
    return discover((Path(__file__).parents[1] / "measured.py",))


def composed(registry: Registry, count: int = 400, **value: Any) -> tuple[Composition, Splits]:
    tree = {
        "dataset": {"name": "measured", "count": count, "scale": 1000.0, "shift": 5000.0},
        "tasks": {"value": {"task": "column", **value}, "kind": {"task": "column", "column": "kind"}},
        "encoder": {"name": "mlp", "hidden": [2]},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    return composition, load_splits(composition.dataset, validation=0.1, split_seed=0)


def reasons(
    parts: tuple[Composition, Splits],
    train: Sequence[float] = (2.0, 1.0, 0.5),
    validation: Sequence[float] = (2.0, 1.0, 1.5),
    chosen: int = 2,
    task: str = "value",
) -> list[str]:
    history = [
        {
            "epoch": epoch,
            **{f"train/{name}/loss": one for name in ("value", "kind")},
            **{f"validation/{name}/loss": other for name in ("value", "kind")},
        }
        for epoch, (one, other) in enumerate(zip(train, validation, strict=True), start=1)
    ]
    test = {"value": {"rmse": 3.0, "mae": 1.0}, "kind": {"accuracy": 0.2}}
    constant = {"value": {"rmse": 2.0, "mae": 2.0}, "kind": {"accuracy": 0.4}}
    metrics = {"test": test, "baseline": constant, "training": {"chosen_epoch": chosen}}
    found = shortfalls(*parts, metrics, history)
    assert (found["value"]["metric"], found["value"]["standing"]) == ("rmse", "worse")
    told: list[str] = found[task]["reasons"]
    return told


def test_nothing_is_said_that_the_numbers_do_not_say(measured: Registry) -> None:
    assert reasons(composed(measured)) == []


def test_few_labels_are_a_reason(measured: Registry) -> None:
    composition, splits = composed(measured, 50)
    count = int((~splits.train.labels["value"].isnan()).sum())
    assert reasons((composition, splits)) == [f"it has {count} training labels"]


def test_a_training_loss_that_does_not_fall_is_a_reason(measured: Registry) -> None:
    (told,) = reasons(composed(measured), train=(1.0, 1.2, 1.1))
    assert told.startswith("its training loss did not fall (1 in the first epoch, 1.1 in the last)")


def test_a_loss_that_was_still_falling_is_a_reason(measured: Registry) -> None:
    (told,) = reasons(composed(measured), validation=(3.0, 2.0, 1.0), chosen=3)
    assert told.startswith("its validation loss was still falling in the last epoch (2 to 1)")


def test_one_epoch_is_a_reason(measured: Registry) -> None:
    assert reasons(composed(measured), (1.0,), (1.0,), 1) == ["it was trained for one epoch"]


def test_an_epoch_kept_for_other_tasks_is_a_reason(measured: Registry) -> None:
    (told,) = reasons(composed(measured), chosen=3)
    assert told.endswith("its own validation loss was lowest after epoch 2")


def test_values_that_keep_large_units_are_a_reason(measured: Registry) -> None:
    (told,) = reasons(composed(measured, standardize="none"))
    assert told.startswith("its values keep their units (standardize: none): mean 5.49e+03, deviation 292")


def test_a_weight_of_0_is_a_reason(measured: Registry) -> None:
    assert reasons(composed(measured, weight=0)) == ["its weight is 0: it was not trained"]


def test_a_class_that_most_labels_are_of_is_a_reason(measured: Registry) -> None:
    composition, splits = composed(measured)
    labels = splits.train.labels["kind"]
    most = {**splits.train.labels, "kind": torch.where(torch.arange(len(labels)) % 10 > 0, 1, labels)}
    (told,) = reasons((composition, replace(splits, train=replace(splits.train, labels=most))), task="kind")
    assert told.startswith("9")
    assert "of its training labels are 'grey', the constant answer" in told


def test_a_task_that_beats_its_baseline_is_not_named(measured: Registry) -> None:
    composition, splits = composed(measured)
    test = {"value": {"rmse": 1.0, "mae": 3.0}, "kind": {"accuracy": 0.9}}
    constant = {"value": {"rmse": 2.0, "mae": 2.0}, "kind": {"accuracy": 0.4}}
    metrics = {"test": test, "baseline": constant, "training": {"chosen_epoch": 1}}
    assert shortfalls(composition, splits, metrics, [{"epoch": 1}]) == {}


def test_a_constant_that_is_perfect_by_a_metric_tells_nothing() -> None:
    metrics = {"recall": Recall(Binary()), "accuracy": Accuracy(Binary())}
    assert leading(metrics, {"recall": 1.0, "accuracy": 0.577}) == "accuracy"
    assert leading(metrics, {"recall": 0.0, "accuracy": 0.577}) == "recall"
    assert leading(metrics, {"recall": 1.0, "accuracy": 1.0}) == "recall"
    assert leading({}, {}) is None


def test_the_terminal_and_the_run_tell_it(mtl: Callable[..., Any]) -> None:
    # A learning rate at which nothing is learned.
    quick = ["--set", "train.learning_rate=1e-12", "--set", "train.batch_size=500", "--epochs", "1"]
    told = mtl("compose", "--tasks", "classify,even", "--encoder", "mlp", *quick, "--out", "run")
    assert told.status == 0
    lines = told.err.splitlines()
    (at,) = [index for index, line in enumerate(lines) if line.startswith("warning: task 'classify' is ")]
    assert "than its baseline: accuracy 0." in lines[at]
    assert "(the most frequent class, " in lines[at]
    assert lines[at + 1] == "  perhaps: it was trained for one epoch"
    assert "Perhaps: it was trained for one epoch." in Path("run/report.html").read_text()
