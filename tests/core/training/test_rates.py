"""The rate of a step is the schedule's, grown over the warm-up."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.core.base.errors import ComponentError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import Moment, Schedule
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.rates import rate_factors


def composed(registry: Registry, **train: Any) -> Composition:
    tree = {"tasks": ["classify"], "encoder": {"name": "mlp", "hidden": [4]}, "train": train}
    return compose(read(RecipeSource(tree), registry), registry)


def test_an_epoch_gets_its_part_of_the_steps(registry: Registry) -> None:
    composition = composed(registry, epochs=2, schedule="linear")
    assert rate_factors(composition, 1, 2) == [1.0, 0.75]
    assert rate_factors(composition, 2, 2) == [0.5, 0.25]


def test_the_rate_grows_to_its_full_size_over_the_warm_up(registry: Registry) -> None:
    composition = composed(registry, epochs=2, warm_up=1.5)
    assert rate_factors(composition, 1, 4) + rate_factors(composition, 2, 4) == pytest.approx(
        [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1]
    )


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_what_is_no_factor_is_the_schedules_fault(registry: Registry, factor: float) -> None:
    class Odd(Schedule):
        def factor(self, at: Moment) -> float:
            return factor

    composition = composed(registry, epochs=1)
    object.__setattr__(composition.training, "schedule", Odd())
    with pytest.raises(ComponentError, match="a factor is finite, 0 or more"):
        rate_factors(composition, 1, 1)
