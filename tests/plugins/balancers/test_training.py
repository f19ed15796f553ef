"""Every balancer trains the two-task problem, resumes exactly, and leaves heads their own gradients."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.discovery.registry import discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.balancing import Balancing
from mtl.core.training.checkpoint import Checkpoint
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")
REGISTRY = discover()
NAMES = REGISTRY.names("balancer")
CHOICES: dict[str, dict[str, Any]] = {name: {"name": name} for name in NAMES}
CHOICES |= {f"{name}-features": {"name": name, "on": "features"} for name in ("mgda", "imtl", "graddrop")}


def build(balancer: object, **tree: Any) -> Composition:
    recipe = {
        "tasks": ["denoise", "classify"],
        "encoder": "lenet",
        "balancer": balancer,
        "train": {"epochs": 2, "validation": 0.95, "batch_size": 32},
        **tree,
    }
    return compose(read(RecipeSource(recipe), REGISTRY), REGISTRY)


@pytest.fixture(scope="module")
def splits() -> Splits:
    composition = build("sum")
    splits = load_splits(composition.dataset, validation=0.95, split_seed=0)
    few = splits.validation
    few = Samples(few.image[:16], {name: column[:16] for name, column in few.labels.items()})
    # Many training samples have no label, and one batch may have none at all.
    label = splits.train.labels["digit"].clone()
    label[::2] = -1
    train = Samples(splits.train.image, {**splits.train.labels, "digit": label})
    return Splits(train, few, few)


def row_of(result: Any) -> Mapping[str, float]:
    return {key: value for key, value in result.row.items() if key != "seconds"}


def weights_of(composition: Composition) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in composition.model.parameters()])


@pytest.mark.parametrize("choice", CHOICES)
def test_training_resumes_bit_for_bit(choice: str, splits: Splits) -> None:
    straight = build(CHOICES[choice])
    trainer = Trainer(straight, splits, CPU)
    epochs = trainer.epochs()
    first = next(epochs)
    copied = {name: value.clone() for name, value in first.checkpoint.tensors.items()}
    last = row_of(next(epochs))
    assert weights_of(straight).isfinite().all()

    resumed = build(CHOICES[choice])
    later = Trainer(resumed, splits, CPU)
    later.restore(Checkpoint(first.checkpoint.epoch, copied, first.checkpoint.state))
    torch.manual_seed(5)  # what others drew must not matter
    assert row_of(next(later.epochs())) == last
    assert torch.equal(weights_of(straight), weights_of(resumed))


ON_FEATURES = [
    name for name in NAMES if "on" in inspect.signature(REGISTRY.find("balancer", name).load()).parameters
]


@pytest.mark.parametrize("name", ON_FEATURES)
def test_features_in_mixed_precision_are_balanced_in_float32(name: str, splits: Splits) -> None:
    composition = build(
        {"name": name, "on": "features"},
        encoder={"name": "mlp", "hidden": [8]},
        tasks=["parity", "classify"],
        train={"epochs": 1, "validation": 0.95, "batch_size": 32, "precision": "bf16"},
    )
    seen = []
    plain = composition.balancer.direction

    def direction(gradients: Tensor, weights: Tensor) -> Tensor:
        seen.append(gradients.dtype)
        return plain(gradients, weights)

    composition.balancer.direction = direction
    next(Trainer(composition, splits, CPU).epochs())
    assert set(seen) == {torch.float32}
    assert weights_of(composition).isfinite().all()


def test_weights_and_cosines_are_in_the_history(splits: Splits) -> None:
    row = next(Trainer(build("mgda"), splits, CPU).epochs()).row
    assert row["weight/denoise"] + row["weight/classify"] == pytest.approx(1.0, abs=1e-5)
    assert -1 <= row["cosine/denoise/classify"] <= 1
    plain = next(Trainer(build("sum"), splits, CPU).epochs()).row
    assert not [key for key in plain if key.startswith("weight/")]
    assert "cosine/denoise/classify" in plain


def gradients(balancer: object, device: torch.device = CPU) -> dict[str, Tensor]:
    """Return every parameter's gradient after one backward pass over fixed images."""
    composition = build(balancer)
    model = composition.model.train()
    balancing = Balancing(composition.balancer, model, device)
    image = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    raw = model(image, {}, None, prepared=True)
    losses = torch.stack([raw["denoise"].square().mean(), raw["classify"].logsumexp(dim=1).mean()])
    balancing.backward(losses)
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


def test_graddrop_that_leaks_everything_is_the_sum_on_both_sides() -> None:
    expected = gradients("sum")
    for on in ("parameters", "features"):
        found = gradients({"name": "graddrop", "leak": 1.0, "on": on})
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-7)


def test_heads_get_their_own_gradient_unscaled() -> None:
    expected, found = gradients("sum"), gradients("mgda")
    heads = [name for name in expected if name.startswith("heads.")]
    assert heads
    for name in heads:
        torch.testing.assert_close(found[name], expected[name])
    shared = [name for name in expected if name.startswith("sharing.")]
    assert any(not torch.allclose(found[name], expected[name]) for name in shared)


def test_gradnorm_weighs_whole_losses() -> None:
    expected, found = gradients("sum"), gradients("gradnorm")
    for name, value in expected.items():  # at the start all weights are 1
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-7)


def test_features_give_mgdas_upper_bound() -> None:
    """On features the weights are those of the features' gradients, found here by hand."""
    composition = build({"name": "mgda", "on": "features"})
    model = composition.model.train()
    image = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    stages = [
        stage.detach().requires_grad_()
        for stage in model.sharing(model.normalization(image), {}, ["denoise"])["denoise"]
    ]
    from mtl.core.contracts.batch import Features

    raw = {name: model.head(name)(Features(tuple(stages), image, {})) for name in composition.tasks}
    losses = [raw["denoise"].square().mean(), raw["classify"].logsumexp(dim=1).mean()]
    rows = []
    for loss in losses:
        found = torch.autograd.grad(
            loss, stages, allow_unused=True, materialize_grads=True, retain_graph=True
        )
        rows.append(torch.cat([value.flatten() for value in found]))
    one, other = rows
    share = float((((other - one) @ other) / (one - other).square().sum()).clamp(0, 1))
    balancing = Balancing(composition.balancer, model, CPU)
    raw = model(image, {}, None, prepared=True)
    balancing.backward(torch.stack([raw["denoise"].square().mean(), raw["classify"].logsumexp(dim=1).mean()]))
    assert balancing.seen.tolist() == pytest.approx([share, 1 - share], abs=1e-3)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"sharing": "none"}, "works on features|needs shared parameters; sharing 'none'"),
        ({"sharing": "cross-stitch"}, "works on features that all heads read; with sharing 'cross-stitch'"),
        ({"views": "per-task"}, "works on features that all heads read; with views 'per-task'"),
    ],
)
def test_features_that_are_not_common_are_refused(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build({"name": "mgda", "on": "features"}, **tree)


def test_a_balancer_of_losses_has_no_features_to_work_on() -> None:
    with pytest.raises(RecipeError, match="balancer 'dwa': unknown option 'on'"):
        build({"name": "dwa", "on": "features"})
