"""The mistakes of the original experiments, each with the test that would have caught it.

That labels move with pixels is in `test_equivariance.py` and `test_shape_labels.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.composition.composition import Composition
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import StepRandom
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.training.trainer import Trainer
from mtl.plugins import recipes
from mtl.plugins.datasets.shapes_synthetic import SyntheticShapes
from mtl.plugins.forms import Categorical

Compose = Callable[..., Composition]
ORIGINALS = [item.name for item in recipes.COMPONENTS if not item.name.endswith("-best")]
WITH_DROPOUT = [
    *(name for name in ORIGINALS if name.startswith(("shapes-", "mnist-autoencoder", "mnist-denoising-"))),
    "cifar10-class-animal",
]


def splits_of(made: Composition) -> Splits:
    """Three parts of images that suit the recipe, without reading files."""
    shape, count = made.dataset_spec.image.shape, 24
    random = torch.Generator().manual_seed(0)
    parts = []
    for _ in range(3):
        image = torch.randint(256, (count, *shape), generator=random, dtype=torch.uint8)
        labels = {}
        for name, target in made.dataset_spec.labels.items():
            if isinstance(target, Categorical):
                labels[name] = torch.arange(count) % len(target.classes)
            else:
                drawn = SyntheticShapes(train_size=count, test_size=1).load()["train"]
                labels[name] = torch.from_numpy(drawn.labels["counts"])
        parts.append(Samples(image, labels))
    return Splits(*parts)


def test_the_random_number_reaches_nine_and_every_sum_occurs(composed: Compose) -> None:
    task = composed("mnist-random-sum").tasks["sum"].task
    size = 4000
    batch = Batch(torch.zeros(size, 1, 1, 1), {"digit": torch.arange(size) % 10})
    drawn = task.draw_inputs(batch, StepRandom(size, "cpu", 0))
    sums = task.target(Batch(batch.image, batch.labels, drawn))
    assert sorted(set(drawn["number"].tolist())) == list(range(10))
    assert sorted(set(sums.tolist())) == list(range(19))
    assert torch.equal(sums, batch.labels["digit"] + drawn["number"])


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_softmax_stands_before_the_cross_entropy(name: str, composed: Compose) -> None:
    made = composed(name)
    image = torch.rand(3, *made.dataset_spec.image.shape)
    inputs = {spec.name: torch.arange(3) for spec in made.inputs}
    raw = made.model.eval()(image, inputs)
    for task, target in made.targets.items():
        if isinstance(target, Categorical):
            # Squashed outputs would be positive and add up to 1; logits can be both signs and any size.
            assert (raw[task] < 0).any()
            assert not torch.allclose(raw[task].sum(1), torch.ones(3), atol=1e-3)


@pytest.mark.parametrize("written", ["false", "False"])
def test_a_flag_that_says_false_is_false(written: str, data: Path, mtl: Callable[..., Any]) -> None:
    result = mtl(
        "compose", "--recipe", "mnist-autoencoder", "--data-dir", str(data), "--dry-run",
        "--set", f"tasks.autoencode.binarise={written}",
    )  # fmt: skip
    assert result.status == 0
    assert "binarise: false" in result.out


@pytest.mark.parametrize("written", ["'False'", "no", "0"])
def test_what_is_no_truth_value_is_refused_rather_than_true(
    written: str, data: Path, mtl: Callable[..., Any]
) -> None:
    result = mtl(
        "compose", "--recipe", "mnist-autoencoder", "--data-dir", str(data), "--dry-run",
        "--set", f"tasks.autoencode.binarise={written}",
    )  # fmt: skip
    assert result.status == 2
    assert "option 'binarise': input should be" in result.err


@pytest.mark.parametrize("name", WITH_DROPOUT)
def test_dropout_is_off_when_a_model_is_judged(name: str, composed: Compose) -> None:
    made = composed(name)
    samples = splits_of(made).test
    made.model.train()
    torch.manual_seed(1)
    first = evaluate(made, samples, "test").metrics
    torch.manual_seed(2)
    assert evaluate(made, samples, "test").metrics == first
    assert made.model.training  # and on again afterwards: the recipe does have dropout
    assert any(isinstance(layer, torch.nn.Dropout) for layer in made.model.modules())


@dataclass(frozen=True)
class Untouched(Samples):
    """Samples that nobody may look at."""

    def batch(self, indices: torch.Tensor) -> Batch:
        raise AssertionError("the test split was looked at")


def test_training_and_choosing_an_epoch_never_look_at_the_test_split(composed: Compose) -> None:
    made = composed("mnist-even-third")
    splits = load_splits(made.dataset, validation=0.5, split_seed=0)
    hidden = replace(splits, test=Untouched(splits.test.image, splits.test.labels))
    with pytest.raises(AssertionError, match="looked at"):
        evaluate(made, hidden.test, "test")
    trainer = Trainer(made, hidden, torch.device("cpu"))
    results = [result for _, result in zip(range(3), trainer.epochs(), strict=False)]
    assert len(results) == 3
    assert any(result.best for result in results)
