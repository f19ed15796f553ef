"""Patterns see the same names under every sharing scheme; the first match wins."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.core.base.errors import RecipeError
from mtl.core.composition import parameter_groups
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import GroupRule, Training
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

NAMES = {
    "a": ("encoder.stages.conv.weight",),
    "b": ("encoder.stages.conv.bias",),
    "c": ("heads.count.0.bias",),
}


def composed(registry: Registry, **tree: Any) -> Composition:
    values = {"tasks": ["classify", "parity"], "encoder": {"name": "mlp", "hidden": [4]}, **tree}
    return compose(read(RecipeSource(values), registry), registry)


def rules(*matches: str, **more: Any) -> tuple[GroupRule, ...]:
    return tuple(GroupRule(match=match, **more) for match in matches)


def test_the_first_match_wins() -> None:
    assert parameter_groups.claimed(NAMES, rules("*.bias", "encoder.*")) == {"a": 1, "b": 0, "c": 0}


def test_what_no_group_matches_is_trained_as_usual() -> None:
    training = Training(
        learning_rate=0.1,
        weight_decay=0.2,
        groups=(
            GroupRule(match="heads.*", learning_rate="x0.5"),
            GroupRule(match="*.bias", learning_rate=3.0, weight_decay=0.0),
        ),
    )
    found = parameter_groups.settings(NAMES, training)
    assert {name: (it.learning_rate, it.weight_decay) for name, it in found.items()} == {
        "a": (0.1, 0.2),
        "b": (3.0, 0.0),
        "c": (0.05, 0.2),
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (rules("encodr.*"), "the pattern 'encodr.*' matches no parameter"),
        (
            rules("encoder.*", "encoder.*"),
            "'encoder.*' claims only parameters that 'encoder.*' before it claims",
        ),
        (rules("*", "heads.*"), "'heads.*' claims only parameters that '*' before it claims"),
        (rules("*.bias", frozen=True, weight_decay=0.0), "'*.bias' is frozen: it has no learning rate"),
    ],
)
def test_a_group_that_cannot_be_meant_is_told(given: tuple[GroupRule, ...], told: str) -> None:
    (problem,) = parameter_groups.problems(NAMES, given)
    assert told in problem.message
    assert problem.path[0] == "groups"
    assert problem.hint


def test_groups_that_overlap_in_part_are_fine() -> None:
    names = {**NAMES, "d": "sharing.gates.weight"}
    assert list(parameter_groups.problems(names, rules("*.bias", "encoder.*", "*"))) == []


def test_patterns_see_the_same_names_under_every_sharing(registry: Registry) -> None:
    for sharing in registry.names("sharing"):
        groups = [{"match": "encoder.stages.*", "frozen": True}, {"match": "heads.parity.*"}]
        composition = composed(registry, sharing=sharing, train={"groups": groups})
        frozen = {name for name, it in composition.model.named_parameters() if not it.requires_grad}
        assert frozen, sharing
        assert not any(name.startswith("heads.") for name in frozen), sharing
        whole = composed(registry, sharing=sharing).model.sharing.parameters()
        assert len(frozen) <= len(list(whole)), sharing


def test_everything_wrong_is_told_at_once_and_with_its_place(registry: Registry) -> None:
    train = {
        "epochs": 2,
        "warm_up": 3,
        "schedule": "steps",
        "milestones": [5],
        "groups": [{"match": "nothing"}, {"match": "*", "frozen": True}],
    }
    source = RecipeSource({"tasks": ["classify"], "train": train}, {("train",): "r.yaml:3:1"})
    with pytest.raises(RecipeError) as caught:
        compose(read(source, registry), registry, source)
    told = [(problem.where, problem.message) for problem in caught.value.problems]
    assert told == [
        ("r.yaml:3:1", "train: the schedule has a milestone in epoch 5; the training has 2"),
        ("r.yaml:3:1", "train: warm_up takes 3 epochs; the training has 2"),
        ("r.yaml:3:1", "train: groups: the pattern 'nothing' matches no parameter"),
        ("r.yaml:3:1", "train: groups: every parameter of the model is frozen: there is nothing to train"),
    ]


def test_a_balancer_that_looks_again_takes_no_accumulation(registry: Registry) -> None:
    with pytest.raises(RecipeError, match="balancer 'famo' looks at every batch after its update"):
        composed(registry, balancer="famo", train={"accumulate": 2})
