"""A run's model is trained on as an exporter wants it, and the run itself stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from torch import nn

from mtl.core.base.errors import VerificationError
from mtl.core.composition.composer import compose
from mtl.core.contracts import ExportSubject
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import export_subject

RATE = 0.01
TREE = {
    "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 10},
    "tasks": ["shape-class", "shape-count"],
    "encoder": {"name": "mlp", "hidden": [8]},
    "train": {"learning_rate": RATE, "batch_size": 20, "validation": 0.1},
}


@pytest.fixture(scope="module")
def subject(registry: Registry) -> ExportSubject:
    made = compose(read(RecipeSource(TREE), registry), registry)
    splits = load_splits(made.dataset, validation=0.1, split_seed=0)
    return export_subject(made, splits.validation, {}, splits)


def test_a_copy_is_trained_within_the_block_at_a_tenth_of_the_rate(subject: ExportSubject) -> None:
    seen: list[bool] = []

    @contextmanager
    def within(model: nn.Module) -> Iterator[None]:
        assert not model.training
        assert model is not subject.model
        hook = model.register_forward_pre_hook(lambda module, given: seen.append(module.training))
        yield
        hook.remove()

    assert subject.tuner is not None
    before = {name: value.numpy().copy() for name, value in subject.model.state_dict().items()}
    weights = subject.tuner.tuned(1, within)
    assert set(weights) == set(before)
    moved = max(float(np.abs(weights[name] - before[name]).max()) for name in before)
    # Two steps of Adam, each at most some three times its rate.
    assert 0 < moved < 2 * 3.2 * RATE / 10
    assert seen
    for name, value in subject.tuner.model(before).state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda value: None, "not in both"),
        (lambda value: value[..., :1], "has another shape"),
        (lambda value: value * np.nan, "not finite"),
    ],
)
def test_other_weights_than_the_models_are_refused(spoil, words, subject: ExportSubject) -> None:
    assert subject.tuner is not None
    weights = {name: value.numpy() for name, value in subject.model.state_dict().items()}
    name = next(name for name, value in weights.items() if value.ndim == 2)
    weights[name] = spoil(weights[name])
    if weights[name] is None:
        del weights[name]
    with pytest.raises(VerificationError, match=words):
        subject.tuner.model(weights)
