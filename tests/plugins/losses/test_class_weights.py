"""Rare classes may weigh more, and the loss stays a weighted mean."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mtl.core.base.errors import Incompatible
from mtl.core.composition.composer import compose
from mtl.core.composition.losses import masked_loss
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.evaluation.fitting import fit
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.run import load_run
from mtl.plugins.forms import Binary, Categorical, Image
from mtl.plugins.losses.binary_cross_entropy import BinaryCrossEntropy
from mtl.plugins.losses.cross_entropy import CrossEntropy

CLASSES = Categorical(("a", "b", "c"))
LABELS = torch.tensor([0, 0, 0, 0, 1, 2, 2, 0])
RAW = torch.randn(len(LABELS), 3, generator=torch.Generator().manual_seed(0))


def test_balanced_weights_are_n_through_k_times_the_count() -> None:
    loss = CrossEntropy(CLASSES, class_weights="balanced")
    loss.fit(LABELS)
    assert loss.weighing is not None
    assert loss.weighing.weights.tolist() == pytest.approx([8 / (3 * 5), 8 / (3 * 1), 8 / (3 * 2)])


def test_a_class_that_does_not_occur_has_weight_one() -> None:
    loss = CrossEntropy(CLASSES, class_weights="balanced")
    loss.fit(torch.tensor([0, 0, 0, 2]))
    assert loss.weighing is not None
    assert loss.weighing.weights.tolist() == pytest.approx([4 / (2 * 3), 1.0, 4 / (2 * 1)])


def test_the_loss_of_a_sample_is_its_weight_times_minus_the_logarithm() -> None:
    loss = CrossEntropy(CLASSES, class_weights=(1.0, 2.0, 4.0))
    raw = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    expected = [4.0 * log(3), 2.0 * log(exp(1) + 2)]
    assert loss(raw, torch.tensor([2, 1])).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_over_the_training_labels_it_is_the_weighted_mean_of_torch(smoothing: float) -> None:
    weights = (0.5, 3.0, 7.0)
    loss = CrossEntropy(CLASSES, class_weights=weights, label_smoothing=smoothing)
    loss.fit(LABELS)
    reference = nn.CrossEntropyLoss(torch.tensor(weights), label_smoothing=smoothing)
    assert float(loss(RAW, LABELS).mean()) == pytest.approx(float(reference(RAW, LABELS)), rel=1e-6)


def test_absent_labels_take_no_part() -> None:
    loss = CrossEntropy(CLASSES, class_weights="balanced")
    loss.fit(LABELS)
    holes = LABELS.clone()
    holes[2:5] = -1
    mean, count = masked_loss(loss, RAW, holes)
    there = holes >= 0
    assert count == 5
    assert float(mean) == pytest.approx(float(loss(RAW[there], LABELS[there]).mean()), rel=1e-6)


def test_yes_weighs_as_pos_weight_does() -> None:
    labels, raw = torch.tensor([1, 0, 0, 0]), RAW[:4, 0]
    loss = BinaryCrossEntropy(Binary(), class_weights=(1.0, 5.0))
    reference = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(5.0), reduction="none")
    torch.testing.assert_close(loss(raw, labels), reference(raw, labels.float()))
    loss.fit(labels)  # mean weight of the labels: (5 + 1 + 1 + 1) / 4 = 2
    torch.testing.assert_close(loss(raw, labels), reference(raw, labels.float()) / 2)


def test_balanced_yes_and_no_count_alike() -> None:
    loss = BinaryCrossEntropy(Binary(), class_weights="balanced")
    labels = torch.tensor([1, 0, 0, 0])
    loss.fit(labels)
    assert loss(torch.zeros(4), labels).tolist() == pytest.approx([2 * log(2), *[2 / 3 * log(2)] * 3])


def test_without_weights_nothing_is_fitted_and_nothing_changes() -> None:
    for loss in (CrossEntropy(CLASSES), BinaryCrossEntropy(Binary())):
        assert not loss.fits
        assert not loss.state_dict()
    torch.testing.assert_close(
        CrossEntropy(CLASSES)(RAW, LABELS),
        nn.functional.cross_entropy(RAW, LABELS, reduction="none"),
        rtol=0,
        atol=0,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: CrossEntropy(CLASSES, class_weights=(1.0, 2.0)),
            "needs one class weight per class, 3, got 2",
        ),
        (
            lambda: BinaryCrossEntropy(Binary(), class_weights=(1.0,)),
            "needs one class weight per class, 2, got 1",
        ),
        (lambda: BinaryCrossEntropy(Image(1, 2, 2, "logit"), class_weights="balanced"), "not for pixels"),
    ],
)
def test_other_weights_than_classes_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(Incompatible, match=message):
        make()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "[1, 2]",
            "--set tasks.classify.loss: loss 'cross-entropy' needs one class weight per class, 10, got 2",
        ),
        ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]", "class_weights"),
        ("rare", "class_weights"),
    ],
)
def test_a_wrong_list_is_refused_before_training_with_its_place(
    mtl: Callable[..., Any], value: str, message: str
) -> None:
    told = mtl(
        "compose",
        "--set",
        f"tasks.classify.loss={{name: cross-entropy, class_weights: {value}}}",
        "--dry-run",
    )
    assert told.status == 2
    assert message in told.err


def recipe_of(registry: Registry, weights: Any) -> Any:
    tree = {
        "tasks": {
            "classify": {"loss": {"class_weights": weights}},
            "even": {"loss": {"class_weights": weights}},
        },
        "encoder": {"name": "mlp", "hidden": [4]},
        "train": {"epochs": 1, "batch_size": 500},
    }
    return read(RecipeSource(tree), registry)


def test_weights_are_fitted_to_the_training_split_as_tasks_see_it(registry: Registry) -> None:
    composition = compose(recipe_of(registry, "balanced"), registry)
    train = load_splits(composition.dataset, validation=0.1, split_seed=0).train
    fit(composition, train)
    loss = composition.tasks["even"].loss
    assert isinstance(loss, BinaryCrossEntropy)
    assert loss.weighing is not None
    even = (train.labels["digit"] % 2 == 0).double().mean()
    assert loss.weighing.weights.tolist() == pytest.approx([float(0.5 / (1 - even)), float(0.5 / even)])


def test_a_loaded_run_is_judged_by_the_same_weights(registry: Registry, tmp_path: Path) -> None:
    pipeline = Pipeline(registry, torch.device("cpu"), publishes=False)
    started = pipeline.train(pipeline.start(recipe_of(registry, "balanced"), tmp_path / "run"))
    pipeline.finish(started)
    expected = evaluate(started.composition, started.splits.test, "test").metrics
    assert load_run(tmp_path / "run", registry).evaluate() == expected
    plain = compose(recipe_of(registry, "none"), registry)
    plain.model.load_state_dict(started.composition.model.state_dict())
    assert (
        evaluate(plain, started.splits.test, "test").metrics["classify"]["loss"]
        != expected["classify"]["loss"]
    )
