"""Groups of tasks, composed before anything is trained."""

from __future__ import annotations

import pytest

from mtl.core.affinity.layout import lay_out_groups
from mtl.core.comparison.grid import Question
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.request import Request


def flags(**more: object) -> dict[str, object]:
    return {"encoder": {"name": "mlp", "hidden": [8]}, "epochs": 1, **more}


def test_a_group_has_the_balancers_weights_of_its_own_tasks(registry: Registry) -> None:
    balancer = {"name": "weighted", "weights": {"even": 2.0, "third": 0.5}, "normalise": True}
    request = Request(tasks=("even", "third", "classify"), flags=flags(balancer=balancer))
    layout = lay_out_groups(Question(request, seeds=(0,)), registry)
    found = {
        variant.name: variant.cell.recipe.balancer.options for variant in layout.grid.variants if variant.cell
    }
    assert found == {
        "even + third": {"weights": {"even": 2.0, "third": 0.5}, "normalise": True},
        "even + classify": {"weights": {"even": 2.0}, "normalise": True},
        "third + classify": {"weights": {"third": 0.5}, "normalise": True},
        "even + third + classify": {"weights": {"even": 2.0, "third": 0.5}, "normalise": True},
    }


def test_the_price_of_a_group_is_without_the_task_that_samples_are_drawn_by(registry: Registry) -> None:
    tasks, by = ("even", "third", "classify"), ("train.sampling={by: classify}",)
    asked, drawn = (
        lay_out_groups(Question(Request(tasks=tasks, flags=flags(), assignments=more), seeds=(0,)), registry)
        for more in ((), by)
    )
    assert drawn.prices == asked.prices
    (cell,) = (one.cell for one in drawn.grid.variants if one.name == "even + third")
    assert cell is not None
    weights = {choice.name: choice.weight for choice in cell.recipe.tasks}
    assert weights == {"even": 1.0, "third": 1.0, "classify": pytest.approx(0.0)}
