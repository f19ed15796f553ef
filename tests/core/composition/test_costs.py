"""What a model costs is counted where it is done, of one sample, by stage and head."""

from __future__ import annotations

from typing import Any

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource


def composed(registry: Registry, **tree: Any) -> Composition:
    values = {"tasks": ["classify", "parity"], "encoder": {"name": "mlp", "hidden": [8, 4]}, **tree}
    return compose(read(RecipeSource(values), registry), registry)


def test_matrix_products_are_counted_by_stage_and_head(registry: Registry) -> None:
    composition = composed(registry)
    costs = composition.costs()
    first, second = (name for name in costs if name.startswith("stage "))
    pixels = composition.dataset_spec.image.height * composition.dataset_spec.image.width
    # A layer of n inputs and m outputs is m n multiply-adds and m (n + 1) numbers.
    assert (costs[first].multiply_adds, costs[first].parameters) == (8 * pixels, 8 * (pixels + 1))
    assert (costs[second].multiply_adds, costs[second].parameters) == (4 * 8, 4 * 9)
    assert (costs["head classify"].multiply_adds, costs["head parity"].multiply_adds) == (4 * 10, 4 * 1)


def test_convolutions_are_counted_at_every_place(registry: Registry) -> None:
    costs = composed(registry, encoder={"name": "small-resnet", "widths": [2, 2], "depth": 1}).costs()
    # One channel to two, 5 x 5, at each of 28 x 28 places.
    assert costs["stage stem"].multiply_adds == 28 * 28 * 2 * 25


def test_every_parameter_is_counted_once_under_every_sharing(registry: Registry) -> None:
    for sharing in registry.names("sharing"):
        composition = composed(registry, sharing=sharing)
        costs = composition.costs()
        whole = sum(parameter.numel() for parameter in composition.model.parameters())
        assert sum(cost.parameters for cost in costs.values()) == whole, sharing
        assert sum(cost.trained for cost in costs.values()) == composition.parameters()["total"], sharing


def test_an_encoder_per_task_costs_twice_as_much(registry: Registry) -> None:
    one, two = (composed(registry, sharing=name).costs() for name in ("hard", "none"))
    for name in (name for name in one if name.startswith("stage ")):
        assert two[name].multiply_adds == 2 * one[name].multiply_adds
        assert two[name].parameters == 2 * one[name].parameters


def test_what_is_frozen_keeps_nothing_for_its_backward_pass(registry: Registry) -> None:
    free, frozen = composed(registry).costs(), composed(registry, train={"freeze": ["encoder.*"]}).costs()
    stages = [name for name in free if name.startswith("stage ")]
    assert all(free[name].bytes > 0 and frozen[name].bytes == 0 for name in stages)
    assert frozen["head classify"].bytes > 0
    assert all(frozen[name].multiply_adds == free[name].multiply_adds for name in stages)


def test_counting_leaves_the_model_as_it_was(registry: Registry) -> None:
    composition = composed(registry, encoder={"name": "small-resnet", "widths": [2, 2], "depth": 1})
    before = {name: value.clone() for name, value in composition.model.state_dict().items()}
    modes = [module.training for module in composition.model.modules()]
    composition.costs()
    assert all(bool((value == before[name]).all()) for name, value in composition.model.state_dict().items())
    assert [module.training for module in composition.model.modules()] == modes
    assert not any("forward" in vars(module) for module in composition.model.modules())
    assert not any(parameter.grad is not None for parameter in composition.model.parameters())
