"""Evaluation does not depend on batch size, order, or mode, and stands beside a constant answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import BATCH_SIZE, Fitting, baseline, evaluate, refuse_without_targets
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource


@pytest.fixture(scope="module")
def composed(registry: Registry) -> tuple[Composition, Splits]:
    tree: dict[str, Any] = {
        "tasks": ["denoise", "classify", "rotation", "random-sum", "autoencode"],
        "encoder": "lenet",
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    return composition, load_splits(composition.dataset, validation=0.1, split_seed=0)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_results_do_not_depend_on_the_batch_size(
    composed: tuple[Composition, Splits], batch_size: int
) -> None:
    composition, splits = composed
    whole = evaluate(composition, splits.validation, "validation").metrics
    parts = evaluate(composition, splits.validation, "validation", batch_size).metrics
    for task, metrics in whole.items():
        for name, value in metrics.items():
            assert parts[task][name] == pytest.approx(value, rel=1e-4, abs=1e-5), (task, name)


def test_evaluation_leaves_the_models_mode_alone(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    composition.model.train()
    evaluate(composition, splits.validation, "validation")
    assert composition.model.training


def test_splits_have_noise_of_their_own(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    names = ("validation", "test")
    first, second = (evaluate(composition, splits.validation, name).metrics["denoise"] for name in names)
    assert first["loss"] != second["loss"]


def test_the_baseline_of_denoising_is_doing_nothing(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    values, answers = baseline(composition, splits.train, splits.test, "test")
    assert answers["denoise"] == "the input, unchanged"
    # Gaussian noise of 0.1, clipped at black and white, on digits.
    assert values["denoise"]["psnr"] == pytest.approx(21.2, abs=0.2)


def test_the_baseline_of_classes_is_the_most_frequent_one(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    values, answers = baseline(composition, splits.train, splits.test, "test")
    counts = torch.bincount(splits.train.labels["digit"], minlength=10)
    share = (splits.test.labels["digit"] == counts.argmax()).float().mean()
    assert answers["classify"] == f"the most frequent class, {str(int(counts.argmax()))!r}"
    assert values["classify"]["accuracy"] == pytest.approx(float(share), abs=1e-6)


def test_a_split_without_a_tasks_labels_is_an_error(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    labels = {**splits.test.labels, "digit": torch.full_like(splits.test.labels["digit"], -1)}
    with pytest.raises(UsageError, match="task 'classify' saw no label in the test split"):
        evaluate(composition, Samples(splits.test.image, labels), "test")


def test_per_task_views_leave_other_tasks_inputs_alone(registry: Registry) -> None:
    metrics = {}
    for views in ("shared", "per-task"):
        tree = {"tasks": {"classify": {}, "denoise": {"amount": 0.5}}, "views": views, "encoder": "mlp"}
        composition = compose(read(RecipeSource(tree), registry), registry)
        splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
        metrics[views] = evaluate(composition, splits.test, "test").metrics
    assert metrics["shared"]["denoise"] == metrics["per-task"]["denoise"]
    assert metrics["shared"]["classify"] != metrics["per-task"]["classify"]


def test_a_binarising_denoiser_sees_the_noise(registry: Registry) -> None:
    tree = {"tasks": {"autoencode": {"binarise": True, "corruption": "gaussian"}}, "encoder": "mlp"}
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
    seen: list[torch.Tensor] = []
    composition.model.normalization.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    evaluate(composition, splits.validation, "validation")
    assert len(seen[0].unique()) > 100
    seen.clear()
    composition.model(torch.rand(2, 1, 28, 28))
    assert sorted(seen[0].unique().tolist()) == [0.0, 1.0]


def test_noise_does_not_depend_on_a_tasks_name(registry: Registry) -> None:
    values = []
    for name in ("denoise", "clean"):
        composition = compose(read(RecipeSource({"tasks": {name: {"task": "denoise"}}}), registry), registry)
        splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
        values.append(baseline(composition, splits.train, splits.test, "test")[0][name])
    assert values[0] == values[1]


def test_a_batch_that_does_not_fit_is_halved(
    composed: tuple[Composition, Splits], monkeypatch: pytest.MonkeyPatch
) -> None:
    composition, splits = composed
    whole = evaluate(composition, splits.validation, "validation").metrics
    plain = type(composition.model).forward
    sizes: list[int] = []

    def forward(self: Any, image: torch.Tensor, *args: Any, **options: Any) -> Any:
        sizes.append(len(image))
        if len(image) > 70:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(self, image, *args, **options)

    monkeypatch.setattr(type(composition.model), "forward", forward)
    parts = evaluate(composition, splits.validation, "validation").metrics
    assert sizes[-3:] == [62, 62, 20]
    for task, metrics in whole.items():
        assert parts[task] == pytest.approx(metrics, rel=1e-4, abs=1e-5)


def test_a_size_that_fits_is_remembered(
    composed: tuple[Composition, Splits], monkeypatch: pytest.MonkeyPatch
) -> None:
    composition, splits = composed
    plain = type(composition.model).forward
    failed: list[int] = []

    def forward(self: Any, image: torch.Tensor, *args: Any, **options: Any) -> Any:
        if len(image) > 70:
            failed.append(len(image))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(self, image, *args, **options)

    monkeypatch.setattr(type(composition.model), "forward", forward)
    fitting = Fitting()
    first = evaluate(composition, splits.validation, "validation", fitting=fitting)
    tries = len(failed)
    again = evaluate(composition, splits.validation, "validation", fitting=fitting)
    assert (tries, len(failed)) == (3, 3)
    assert again.metrics == first.metrics


def test_a_model_that_looks_at_a_sample_eight_times_gets_smaller_batches(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"tasks": ["classify"], "encoder": "mlp", "test_time_augmentation": "square"}
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
    plain = type(composition.model).answer_once
    sizes: list[int] = []

    def answer_once(self: Any, image: torch.Tensor, *args: Any) -> Any:
        sizes.append(len(image))
        return plain(self, image, *args)

    monkeypatch.setattr(type(composition.model), "answer_once", answer_once)
    evaluate(composition, splits.validation, "validation")
    assert sum(sizes) == 8 * len(splits.validation)
    assert max(sizes) <= BATCH_SIZE


def test_labels_that_make_no_target_in_a_split_are_found_before_training(registry: Registry) -> None:
    tree: dict[str, Any] = {"tasks": {"label-group": {"groups": {"low": ["0"], "high": ["9"]}}}}
    composition = compose(read(RecipeSource(tree), registry), registry)
    splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
    refuse_without_targets(composition, splits)
    test = splits.test
    chosen = (test.labels["digit"] > 0) & (test.labels["digit"] < 9)
    few = Samples(test.image[chosen], {"digit": test.labels["digit"][chosen]})
    message = "task 'label-group' makes no target of 'digit' in the test split: none of its labels counts"
    with pytest.raises(UsageError, match=message):
        refuse_without_targets(composition, replace(splits, test=few))
    # Not to name its labels is allowed, and says nothing about whether there are any.
    composition.tasks["label-group"].task.needs = ()
    with pytest.raises(UsageError, match="task 'label-group' makes no target in the test split"):
        refuse_without_targets(composition, replace(splits, test=few))
