"""A balancer whose solver is missing says so before anything is trained, and what to install.

It needs one only for more than six tasks.
"""

from __future__ import annotations

import importlib.util

import pytest

from mtl.core.base.errors import MissingRequirementError
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.balancers import torchjd_adapter


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("cagrad", {"cvxpy"}, "balancer 'cagrad' needs the package cvxpy"),
        ("upgrad", {"qpsolvers", "quadprog"}, "balancer 'upgrad' needs the packages qpsolvers, quadprog"),
    ],
)
def test_a_missing_solver_has_status_5(
    name: str, missing: set[str], message: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torchjd_adapter,
        "find_spec",
        lambda package: None if package in missing else importlib.util.find_spec(package),
    )
    tasks = {f"task{index}": {"task": "classify"} for index in range(7)}
    tree = {"tasks": tasks, "balancer": name}
    with pytest.raises(MissingRequirementError) as caught:
        compose(read(RecipeSource(tree), registry), registry)
    assert caught.value.status == 5
    assert caught.value.message == message
    assert caught.value.hint == "pip install 'mtl-composer[balancers]'"
    tree = {"tasks": ["classify", "parity"], "balancer": name}
    compose(read(RecipeSource(tree), registry), registry)
