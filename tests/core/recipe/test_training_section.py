"""The `train` section: an experiment is written one way, whichever way it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.core.base.errors import RecipeError
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.recipe.training_section import choice_of


def recipe(registry: Registry, **train: Any) -> Recipe:
    return read(RecipeSource({"tasks": ["classify"], "train": train}), registry)


def test_what_says_nothing_is_not_written(registry: Registry) -> None:
    plain = recipe(registry, optimizer={"name": "adam", "epsilon": 1e-8}, groups=[], clip=None).to_plain()
    assert plain["train"]["optimizer"] == "adam"
    assert plain["train"]["schedule"] == "constant"
    assert not {"clip", "groups", "ema", "warm_up", "accumulate"} & set(plain["train"])
    assert plain == recipe(registry).to_plain()


def test_what_was_written_is_read_again(registry: Registry) -> None:
    first = recipe(
        registry,
        optimizer={"name": "sgd", "nesterov": True, "momentum": 0.5},
        schedule={"name": "cosine", "every": "step"},
        groups=[{"match": "*.bias", "weight_decay": 0.0}, {"match": "encoder.*", "learning_rate": "x0.1"}],
        warm_up=0.5,
        ema=0.99,
    )
    again = read(RecipeSource(first.to_plain()), registry)
    assert again == first
    assert first.to_plain()["train"]["groups"][0] == {"match": "*.bias", "weight_decay": 0.0}


@pytest.mark.parametrize(
    "train",
    [{"optimizer": "sgd", "momentum": 0.5}, {"optimizer": {"name": "sgd", "momentum": 0.5}}],
)
def test_a_shared_option_may_stand_in_either_place(registry: Registry, train: dict[str, Any]) -> None:
    found = recipe(registry, **train)
    assert (found.train.optimizer, found.train.momentum) == ("sgd", 0.5)
    assert choice_of("optimizer", found.train, registry).options["momentum"] == 0.5


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"optimizer": "adm"}, "unknown optimizer 'adm'\n  hint: did you mean 'adam'"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'\n  hint: did you mean 'cosine'?"),
        ({"optimizer": 3}, "optimizer must be a name or a mapping with a `name`, got 3"),
        (
            {"optimizer": {"name": "sgd", "momentum": 0.1}, "momentum": 0.2},
            "momentum is 0.2 in train and 0.1 in",
        ),
        (
            {"optimizer": {"name": "adam", "weight_decay": 1}},
            "hint: it is the training's: train.weight_decay",
        ),
        ({"optimizer": {"name": "adam", "beta": 1}}, "unknown option 'beta'\n  hint: did you mean 'betas'?"),
        ({"clip": 0}, "option 'clip': input should be greater than 0, got 0"),
        ({"ema": 1.0}, "option 'ema': input should be less than 1, got 1.0"),
        ({"accumulate": 0}, "option 'accumulate': input should be greater than or equal to 1, got 0"),
        (
            {"groups": [{"match": "*", "learning_rate": "x0"}]},
            "a factor of the others' rate such as x0.1, got",
        ),
        (
            {"groups": [{"match": "*", "froze": True}]},
            "unknown option 'groups.0.froze'\n  hint: did you mean 'fro",
        ),
        ({"groups": [{"frozen": True}]}, "option 'groups.0.match': field required"),
        ({"groups": {"match": "*"}}, "option 'groups': input should be a list"),
    ],
)
def test_bad_input_is_told(registry: Registry, train: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(registry, **train)
    assert told in str(caught.value)
    assert len(caught.value.problems) == 1
