"""Which samples an epoch draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts.randomness import generator
from mtl.core.data.samples import Samples, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Sampling
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.sampling import Draws, ShardDraws, _counts, draws_of
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


def composed(registry: Registry, sampling: Any, **train: Any) -> Composition:
    tree = {
        "tasks": ["classify", "rotation", "denoise", "parity"],
        "encoder": {"name": "mlp", "hidden": [8]},
        "train": {"sampling": sampling, **train},
    }
    return compose(read(RecipeSource(tree), registry), registry)


def labelled(composition: Composition, labels: list[int]) -> Samples:
    image = torch.zeros(len(labels), *composition.dataset_spec.image.shape, dtype=torch.uint8)
    return Samples(image, {"digit": torch.tensor(labels)})


def test_without_a_word_every_sample_is_drawn_once_as_ever() -> None:
    order = Draws((torch.arange(50),), (50,)).order(seed=3, epoch=2)
    assert torch.equal(order, torch.randperm(50, generator=generator("cpu", 3, "order", 2)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.sampled_from(["equal", "square-root", "proportional"]),
)
def test_an_epoch_has_as_many_draws_as_samples_each_as_often_as_its_class_is(sizes, shares) -> None:
    total = sum(sizes)
    counts = _counts(sizes, [str(n) for n in range(len(sizes))], Sampling(by="x", shares=shares), total)
    power = {"equal": 0, "square-root": 0.5, "proportional": 1}[shares]
    weights = [size**power for size in sizes]
    assert sum(counts) == total
    assert all(abs(c - total * w / sum(weights)) < 1 for c, w in zip(counts, weights, strict=True))
    groups = torch.arange(total).split(sizes)
    kept = [(group, count) for group, count in zip(groups, counts, strict=True) if count]
    draws = Draws(tuple(group for group, _ in kept), tuple(count for _, count in kept))
    drawn = Counter(draws.order(0, 1).tolist())
    for group, count in kept:
        times = [drawn[index] for index in group.tolist()]
        assert sum(times) == count
        assert max(times) - min(times) <= 1


def test_epochs_differ_and_each_is_the_same_again() -> None:
    draws = Draws((torch.arange(20), torch.arange(20, 23)), (12, 11))
    orders = [draws.order(0, epoch) for epoch in (1, 2, 1)]
    assert torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[1])


def test_shards_are_gone_through_where_pictures_are_mapped_and_nowhere_else(registry: Registry) -> None:
    composition, shards = composed(registry, None), torch.arange(8) // 2
    train = replace(labelled(composition, [0] * 8), shards=shards)
    mapped: Any = replace(train, pages=object())
    assert isinstance(draws_of(composition, train), Draws)
    assert isinstance(draws_of(composition, mapped.select(torch.tensor([7, 0]))), ShardDraws)
    assert draws_of(composition, mapped.select(torch.tensor([7, 0]))).shards.tolist() == [3, 0]


def test_classes_of_a_task_are_drawn_alike_and_samples_without_one_once(registry: Registry) -> None:
    composition = composed(registry, {"by": "classify"})
    train = labelled(composition, [0] * 18 + [1] * 2 + [-1] * 5)
    drawn = Counter(draws_of(composition, train).order(0, 1).tolist())
    assert sum(drawn[index] for index in range(18)) == 10
    assert [drawn[18], drawn[19]] == [5, 5]
    assert [drawn[index] for index in range(20, 25)] == [1] * 5


def test_classes_may_be_those_that_a_task_derives(registry: Registry) -> None:
    composition = composed(registry, {"by": "parity"})
    drawn = Counter(
        draws_of(composition, labelled(composition, [1, 3, 5, 7, 9, 1, 3, 2])).order(0, 1).tolist()
    )
    assert drawn[7] == 4


def test_shares_may_be_given_by_class(registry: Registry) -> None:
    composition = composed(registry, {"by": "digit", "shares": {"0": 4}})
    drawn = Counter(draws_of(composition, labelled(composition, [0] * 5 + [1] * 15)).order(0, 1).tolist())
    assert sum(drawn[index] for index in range(5)) == 16


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"by": "clasify"}, "train: option 'sampling.by': there is no task or label column 'clasify'"),
        ({"by": "rotation"}, "task 'rotation' makes up its answers anew"),
        ({"by": "denoise"}, "'denoise' has no classes"),
        ({"by": "classify", "shares": {"hexes": 2}}, "'classify' has no class 'hexes'"),
        ({"by": "classify", "shares": {"hexes": 0}}, "greater than 0"),
        ({"by": "classify", "shares": "all"}, "sampling.shares"),
        ({"shares": "equal"}, "sampling.by"),
    ],
)
def test_what_cannot_be_drawn_by_is_refused(registry: Registry, sampling: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        composed(registry, sampling)


def test_a_resumed_training_draws_the_same(registry: Registry) -> None:
    results = []
    for stop in (0, 1):
        composition = composed(registry, {"by": "classify"}, epochs=2, validation=0.8)
        splits = load_splits(composition.dataset, validation=0.8, split_seed=0)
        trainer = Trainer(composition, splits, CPU)
        if stop:
            first = next(iter(trainer.epochs()))
            composition = composed(registry, {"by": "classify"}, epochs=2, validation=0.8)
            trainer = Trainer(composition, splits, CPU)
            trainer.restore(first.checkpoint)
        list(trainer.epochs())
        results.append(torch.cat([p.detach().flatten() for p in composition.model.parameters()]))
    assert torch.equal(*results)


def test_a_recipe_without_it_stays_as_it_was(registry: Registry) -> None:
    assert "sampling" not in composed(registry, None).recipe.to_plain()["train"]
    assert composed(registry, {"by": "classify"}).recipe.to_plain()["train"]["sampling"] == {
        "by": "classify",
        "shares": "equal",
    }
