"""A loss below 0, or of exactly 0, is a loss like any other, or refused by name: never taken for no label."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.failure import NegativeLossError
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")
REGISTRY = discover()
NAMES = REGISTRY.names("balancer")
POSITIVE = {"uncertainty", "dwa", "gls", "famo", "imtl", "gradnorm", "db-mtl"}
"""Those that are defined by logarithms or ratios of losses, or by scales with no best value below 0."""


def build(balancer: object, weight: float = 1.0) -> Composition:
    tree = {
        "dataset": "digits",
        "tasks": {"classify": {}, "parity": {"weight": weight}},
        "encoder": {"name": "mlp", "hidden": [8]},
        "balancer": balancer,
        "train": {"epochs": 1, "batch_size": 12, "validation": 0.97},
    }
    return compose(read(RecipeSource(tree), REGISTRY), REGISTRY)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_splits(build("sum").dataset, validation=0.97, split_seed=0)


def shift(composition: Composition, change: float, scale: float = 1.0) -> None:
    """Make the loss of `parity` another one: `scale` times what it was, plus `change`."""
    loss = composition.tasks["parity"].loss
    plain = loss.forward

    def shifted(raw: Tensor, target: Tensor) -> Tensor:
        return scale * plain(raw, target) + change

    loss.forward = shifted  # type: ignore[method-assign]


@pytest.mark.parametrize("name", NAMES)
def test_a_negative_loss_trains_or_is_refused_by_name(name: str, splits: Splits) -> None:
    composition = build(name)
    shift(composition, -1000.0)
    before = {key: value.clone() for key, value in composition.model.state_dict().items()}
    epochs = Trainer(composition, splits, CPU).epochs()
    if name in POSITIVE:
        with pytest.raises(NegativeLossError) as caught:
            next(epochs)
        assert "the loss of task 'parity' is negative" in caught.value.message
        assert f"at epoch 1, step 1; balancer '{name}' needs losses above 0" in caught.value.message
        assert "add a constant to that loss" in str(caught.value)
        parameters = dict(composition.model.named_parameters())
        assert all(torch.equal(value, before[key]) for key, value in parameters.items())
    else:
        assert next(epochs).row["train/parity/loss"] < 0
        assert any(
            not torch.equal(value, before[key]) for key, value in composition.model.state_dict().items()
        )


def test_a_loss_that_its_own_update_makes_negative_is_refused_by_name(splits: Splits) -> None:
    composition = build("famo")
    loss = composition.tasks["parity"].loss
    plain, answers = loss.forward, iter([1.0, -1000.0])

    def falling(raw: Tensor, target: Tensor) -> Tensor:
        return plain(raw, target) + next(answers, 1.0)

    loss.forward = falling  # type: ignore[method-assign]
    with pytest.raises(NegativeLossError, match=r"task 'parity' is negative .* at epoch 1, step 1; .*'famo'"):
        next(Trainer(composition, splits, CPU).epochs())


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_of_zero_makes_nothing_infinite(name: str, splits: Splits) -> None:
    composition = build(name)
    shift(composition, 0.0, scale=0.0)
    result = next(Trainer(composition, splits, CPU).epochs())
    assert all(torch.isfinite(value).all() for value in result.checkpoint.tensors.values())


@pytest.mark.parametrize("name", ["gls", "stch", "famo", "modo", "sdmgrad", "excess-mtl"])
def test_a_loss_of_zero_is_not_an_absent_label(name: str) -> None:
    balancer = REGISTRY.find("balancer", name).load()(["a", "b", "c"])
    losses = torch.tensor([1.0, 2.0, 0.0])
    shape = (balancer.parts, 3, 5) if balancer.parts > 1 else (3, 5)
    gradients = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    given = gradients if balancer.needs_gradients else None
    assert balancer.weights(losses, given)[2] > 0


def test_scales_are_learned_from_a_loss_of_zero() -> None:
    for name in ("uncertainty", "imtl"):
        balancer = REGISTRY.find("balancer", name).load()(["a", "b"])
        own = balancer.own_loss(torch.tensor([1.0, 0.0]), None)
        own.backward()
        (scale,) = balancer.parameters()
        assert scale.grad[1] != 0


@pytest.mark.parametrize("name", ["gls", "famo", "stch"])
def test_a_task_of_weight_zero_takes_no_part(name: str, splits: Splits) -> None:
    composition = build(name, weight=0.0)
    row = next(Trainer(composition, splits, CPU).epochs()).row
    assert row["weight/parity"] == 0.0
    assert row["weight/classify"] == pytest.approx(1.0)
