"""Which tasks read the same features, and what these are made of."""

from __future__ import annotations

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.wiring import Stage, wiring
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

BOTH = frozenset({0, 1})
APART = (("classify",), ("parity",))


def composed(registry: Registry, sharing: str) -> Composition:
    sections = {"tasks": ["classify", "parity"], "sharing": sharing}
    tree = {"dataset": "digits", "encoder": {"name": "mlp", "hidden": [6]}, **sections}
    return compose(read(RecipeSource(tree), registry), registry)


@pytest.mark.parametrize(
    ("sharing", "groups", "made_of"),
    [
        ("hard", (("classify", "parity"),), (frozenset({0}),)),
        ("none", APART, (frozenset({0}), frozenset({1}))),
        ("cross-stitch", APART, (BOTH, BOTH)),
        ("mmoe", APART, (BOTH, BOTH)),
    ],
)
def test_schemes_show_who_reads_what_and_what_it_is_made_of(
    registry: Registry, sharing: str, groups: tuple[tuple[str, ...], ...], made_of: tuple[frozenset[int], ...]
) -> None:
    assert wiring(composed(registry, sharing)) == (Stage(groups, made_of),)


def test_a_frozen_encoder_is_seen_and_the_model_left_as_it_was(registry: Registry) -> None:
    made = composed(registry, "cross-stitch")
    for parameter in made.model.parameters():
        parameter.requires_grad_(False)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    made.model.train()
    (stage,) = wiring(made)
    assert stage.mixed(0, 1)
    assert made.model.training
    assert all(value.equal(before[name]) for name, value in made.model.state_dict().items())


def test_a_layer_of_two_names_is_left_as_it_was(registry: Registry) -> None:
    made = composed(registry, "hard")
    layer = torch.nn.Linear(6, 6)
    made.encoders[0].add_module("once", layer)
    made.encoders[0].add_module("twice", torch.nn.Sequential(layer))
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    wiring(made)
    assert all(value.equal(before[name]) for name, value in made.model.state_dict().items())
