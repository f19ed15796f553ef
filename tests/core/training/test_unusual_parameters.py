"""Frozen, tied and lazily made parameters, batch normalisation, lone samples: trained, or refused before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Outcome, Pipeline

CPU = torch.device("cpu")
SMALL = {"name": "shapes-synthetic", "train_size": 40, "test_size": 10}


@pytest.fixture(scope="module")
def unusual() -> Registry:
    folder = Path(__file__).parent
    sys.path.insert(0, str(folder))
    try:
        yield discover((folder / "unusual_encoders.py",))
    finally:
        sys.path.remove(str(folder))


def train(registry: Registry, path: Path, encoder: str, *, publishes: bool = False, **recipe: Any) -> Outcome:
    tree = {
        "dataset": SMALL,
        "tasks": ["shape-class", "shape-count"],
        "encoder": f"unusual-{encoder}",
        **recipe,
        "train": {"epochs": 1, "batch_size": 8, **recipe.get("train", {})},
    }
    return Pipeline(registry, CPU, publishes=publishes).run(read(RecipeSource(tree), registry), path)


BALANCERS = list(discover().names("balancer"))


@pytest.mark.parametrize("balancer", BALANCERS)
def test_what_is_frozen_stays_and_the_rest_trains(unusual: Registry, tmp_path: Path, balancer: str) -> None:
    outcome = train(unusual, tmp_path / "run", "half-frozen", balancer=balancer)
    model = outcome.composition.model
    fresh = train(unusual, tmp_path / "0", "half-frozen", train={"learning_rate": 1e-30}).composition.model
    for (name, trained), before in zip(
        model.sharing.named_parameters(), fresh.sharing.parameters(), strict=True
    ):
        assert torch.equal(trained, before) == (not trained.requires_grad), name


def gradient_balancers(registry: Registry) -> list[str]:
    return [n for n in registry.names("balancer") if registry.find("balancer", n).load().needs_gradients]


def test_balancing_gradients_over_a_frozen_encoder_is_refused(unusual: Registry, tmp_path: Path) -> None:
    for balancer in gradient_balancers(unusual):
        with pytest.raises(UsageError, match=r"needs shared parameters that are trained"):
            train(unusual, tmp_path / balancer, "frozen", balancer=balancer)


def test_heads_train_on_a_frozen_encoder(unusual: Registry, tmp_path: Path) -> None:
    outcome = train(unusual, tmp_path / "run", "frozen", publishes=True)
    assert outcome.export.files


@pytest.mark.parametrize("on", ["parameters", "features"])
def test_a_half_frozen_encoder_is_balanced_on_either_side(unusual: Registry, tmp_path: Path, on: str) -> None:
    train(unusual, tmp_path / "run", "half-frozen", balancer={"name": "pcgrad", "on": on})


@pytest.mark.parametrize(("encoder", "balancer"), [("tied", "sum"), ("tied", "pcgrad"), ("lazy", "pcgrad")])
def test_unusual_weights_are_kept_resumed_and_exported(
    unusual: Registry, tmp_path: Path, encoder: str, balancer: str
) -> None:
    outcome = train(unusual, tmp_path / "run", encoder, balancer=balancer, publishes=True)
    folder, composition = outcome.folder, outcome.composition
    again = Pipeline(unusual, CPU, publishes=False).resume(folder, composition.recipe)
    state = composition.model.state_dict()
    assert all(
        torch.equal(state[name], value) for name, value in again.composition.model.state_dict().items()
    )


@pytest.mark.parametrize("balancer", ["sum", "pcgrad", "modo", "sdmgrad"])
@pytest.mark.parametrize("batch_size", [7, 11, 35])
def test_a_last_step_is_never_of_one_sample(
    unusual: Registry, tmp_path: Path, balancer: str, batch_size: int
) -> None:
    # 36 samples are trained on: 1 is left over with 7 and 35, 3 with 11.
    train(unusual, tmp_path / "run", "normalised", balancer=balancer, train={"batch_size": batch_size})


def test_steps_of_one_sample_before_batch_normalisation_are_refused(
    unusual: Registry, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"step of one sample .*\n  hint: .*train\.batch_size"):
        train(unusual, tmp_path / "run", "normalised", train={"batch_size": 1})
    assert not (tmp_path / "run").exists()
    train(unusual, tmp_path / "run", "plain", train={"batch_size": 1})


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_plain_gradient_descent_has_no_momentum(unusual: Registry, tmp_path: Path, momentum: float) -> None:
    train(unusual, tmp_path / "run", "plain", train={"optimizer": "sgd", "momentum": momentum})


@pytest.mark.parametrize("encoder", ["tied", "half-frozen", "normalised", "lazy"])
def test_unusual_parameters_are_frozen_counted_and_resumed(
    unusual: Registry, tmp_path: Path, encoder: str
) -> None:
    training = {"epochs": 2, "freeze": ["encoder.stages.first.*"], "unfreeze_after": 1}
    outcome = train(unusual, tmp_path / "run", encoder, train=training)
    composition = outcome.composition
    costs = composition.costs()
    model = composition.model
    assert sum(cost.parameters for cost in costs.values()) == sum(it.numel() for it in model.parameters())
    assert sum(cost.trained for cost in costs.values()) == composition.parameters()["total"]
    again = Pipeline(unusual, CPU, publishes=False).resume(outcome.folder, composition.recipe)
    state = again.composition.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("encoder", ["tied", "half-frozen", "normalised", "lazy"])
def test_unusual_parameters_are_taken_from_a_run(unusual: Registry, tmp_path: Path, encoder: str) -> None:
    first = train(unusual, tmp_path / "first", encoder, tasks=["shape-count"])
    freeze = {"freeze": ["encoder.*"]}
    second = train(unusual, tmp_path / "second", encoder, init_from=str(tmp_path / "first"), train=freeze)
    known = first.composition.model.state_dict()
    for name, value in second.composition.model.state_dict().items():
        if name.startswith("sharing."):
            assert torch.equal(value, known[name]), name


@pytest.mark.parametrize(
    ("encoder", "pattern"),
    [
        ("tied", "encoder.stages.second.2.weight"),
        ("tied", "sharing.encoder.stages.*.2.weight"),
        ("lazy", "encoder.stages.second.2.linear.weight"),
    ],
)
def test_a_tied_weight_is_frozen_by_its_second_name(
    unusual: Registry, tmp_path: Path, encoder: str, pattern: str
) -> None:
    model = train(unusual, tmp_path / "run", encoder, train={"freeze": [pattern]}).composition.model
    frozen = [name for name, it in model.named_parameters() if not it.requires_grad]
    assert [name.partition(".stages.")[2] for name in frozen] == ["second.0.weight"]


def test_a_group_claims_a_tied_weight_by_its_second_name(unusual: Registry, tmp_path: Path) -> None:
    group = {"match": "encoder.stages.second.2.weight", "learning_rate": "x0.5"}
    outcome = train(unusual, tmp_path / "run", "tied", train={"groups": [group], "learning_rate": 0.8})
    rates = {name: it.learning_rate for name, it in outcome.composition.training.settings.items()}
    assert [name.partition(".stages.")[2] for name, rate in rates.items() if rate == 0.4] == [
        "second.0.weight"
    ]


WITH_GRADIENTS = ("hard", "mmoe", "mtan")
"""Of every kind of sharing scheme in which a balancer of gradients finds something shared."""


@pytest.mark.parametrize(
    ("sharing", "balancer"),
    [(name, "sum") for name in discover().names("sharing")]
    + [(name, "mgda") for name in WITH_GRADIENTS]
    + [("hard", name) for name in ("uncertainty", "nash-mtl", "cagrad")],
)
def test_lazy_parameters_are_frozen_trained_counted_and_taken(
    unusual: Registry, tmp_path: Path, sharing: str, balancer: str
) -> None:
    training = {"freeze": ["encoder.stages.first.*"], "layer_decay": 0.5, "decay_norms": False}
    how: dict[str, Any] = {"sharing": sharing, "balancer": balancer, "train": training}
    first = train(unusual, tmp_path / "first", "lazy", **how)
    model, costs = first.composition.model, first.composition.costs()
    assert sum(cost.parameters for cost in costs.values()) == sum(it.numel() for it in model.parameters())
    second = train(unusual, tmp_path / "second", "lazy", init_from=str(tmp_path / "first"), **how)
    state = second.composition.model.state_dict()
    kept = {name: torch.equal(value, state[name]) for name, value in model.state_dict().items()}
    first_stage = [name for name in kept if ".first." in name]
    assert first_stage
    assert all(kept[name] for name in first_stage)
    assert not any(kept[name] for name in kept if name.startswith("heads."))
    assert not all(kept[name] for name in kept if ".second." in name)
