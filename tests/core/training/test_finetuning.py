"""Frozen parts stay bit for bit, are trained when their time comes, and a resumed run is the same run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import step_sizes
from mtl.core.training.selection import watched
from mtl.core.training.trainer import Trainer
from mtl.core.training.trial import refuse_lone_samples

CPU = torch.device("cpu")
ENCODER = {"name": "small-resnet", "widths": [2, 2], "depth": 1}
DATA = {"name": "shapes-synthetic", "train_size": 40, "test_size": 16}

Built = tuple[Composition, Splits]


def build(registry: Registry, train: dict[str, Any], **tree: Any) -> Built:
    values = {
        "dataset": DATA,
        "tasks": {"shape-class": {}, "shape-count": {}},
        "encoder": ENCODER,
        "train": {"batch_size": 12, **train},
        **tree,
    }
    composition = compose(read(RecipeSource(values), registry), registry)
    return composition, load_splits(composition.dataset, validation=0.2, split_seed=0)


def state_of(composition: Composition) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in composition.model.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_unfreezing_begins_when_it_is_said(registry: Registry) -> None:
    composition, splits = build(registry, {"epochs": 2, "freeze": ["encoder.*"], "unfreeze_after": 1})
    states = [state_of(composition)]
    for _ in Trainer(composition, splits, CPU).epochs():
        states.append(state_of(composition))
    first, second = changed(states[0], states[1]), changed(states[1], states[2])
    assert first
    assert all(name.startswith("heads.") for name in first)
    encoder = {name for name in states[0] if name.startswith("sharing.")}
    assert encoder <= second
    assert any("running_mean" in name for name in second)


@pytest.mark.parametrize("balancer", ["sum", "uncertainty", "mgda", "moco"])
def test_a_training_with_unfreezing_is_resumed_bit_for_bit(balancer: str, registry: Registry) -> None:
    train = {"epochs": 3, "freeze": ["encoder.stages.stem.*"], "unfreeze_after": 2, "ema": 0.9}
    whole, splits = build(registry, train, balancer=balancer)
    rows = [dict(result.row) for result in Trainer(whole, splits, CPU).epochs()]
    half, _ = build(registry, train, balancer=balancer)
    checkpoint = next(iter(Trainer(half, splits, CPU).epochs())).checkpoint
    again, _ = build(registry, train, balancer=balancer)
    trainer = Trainer(again, splits, CPU)
    trainer.restore(checkpoint)
    rest = [dict(result.row) for result in trainer.epochs()]
    for row in (*rows, *rest):
        row.pop("seconds")
    assert rest == rows[1:]
    assert not changed(state_of(whole), state_of(again))


def test_all_rows_have_the_same_columns_whatever_is_frozen(registry: Registry) -> None:
    composition, splits = build(registry, {"epochs": 2, "freeze": ["encoder.*"], "unfreeze_after": 1})
    first, second = (set(result.row) for result in Trainer(composition, splits, CPU).epochs())
    assert first == second


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("uncertainty", "graddrop", "nash-mtl")]


@pytest.mark.parametrize("balancer", ["sum", "mgda", *SLOW])
def test_a_frozen_stage_stays_under_every_sharing(balancer: str, registry: Registry) -> None:
    for sharing in registry.names("sharing"):
        if sharing == "none" and registry.find("balancer", balancer).load().needs_gradients:
            continue  # nothing is shared
        composition, splits = build(
            registry,
            {"epochs": 1, "freeze": ["encoder.stages.stem.*"], "weight_decay": 0.1},
            balancer=balancer,
            sharing=sharing,
        )
        before = state_of(composition)
        next(iter(Trainer(composition, splits, CPU).epochs()))
        moved = changed(before, state_of(composition))
        assert moved, sharing
        assert not any(".stem." in name for name in moved), sharing


def test_a_lone_sample_joins_the_step_before_and_frozen_statistics_need_no_second(registry: Registry) -> None:
    assert step_sizes(31, 10) == [10, 10, 11]
    composition, splits = build(registry, {"epochs": 1, "batch_size": 1, "freeze": ["encoder.*"]})
    # Frozen layers compute with the statistics that they have: one sample is enough for them.
    refuse_lone_samples(composition, splits.train, CPU)
    next(iter(Trainer(composition, splits, CPU).epochs()))


def test_the_watched_metric_chooses_the_epoch(registry: Registry) -> None:
    composition, _ = build(registry, {"epochs": 1, "watch": "shape-count/rmse"})
    tasks = composition.tasks
    assert watched({"shape-count": {"rmse": 2.0}}, "shape-count/rmse", tasks) == 2.0
    assert watched({"shape-class": {"accuracy": 0.5}}, "shape-class/accuracy", tasks) == -0.5
    nothing = watched({"shape-count": {"rmse": float("nan")}}, "shape-count/rmse", tasks)
    assert 1e300 < nothing < float("inf")


def test_patience_counts_by_what_is_watched(registry: Registry) -> None:
    train = {"epochs": 9, "watch": "shape-count/rmse", "patience": 2, "min_delta": 1e9}
    composition, splits = build(registry, train)
    assert len(list(Trainer(composition, splits, CPU).epochs())) == 3
