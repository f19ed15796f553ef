"""What a step for one task does to the others, where the answer is known in closed form."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mtl.core.composition.composer import compose
from mtl.core.composition.losses import Known
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import Lesson
from mtl.core.training.conflict import cosines, lookahead
from mtl.core.training.trainer import Trainer

RATE = 0.25


class Point(nn.Module):
    """A model that answers with its one shared parameter, whatever it sees."""

    def __init__(self, at: list[float]) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor(at))
        self.sharing = SimpleNamespace(trained_together=lambda: [self.place])

    def answer_once(self, image: Tensor, inputs: Any, tasks: Any) -> dict[str, Tensor]:
        return {task: self.place.expand(len(image), -1) for task in tasks}


class Bowl:
    """Half the squared distance: its gradient is the way from the target."""

    def __call__(self, raw: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (raw - target).square().sum(dim=1)

    def batch_mean(self, raw: Tensor, target: Tensor) -> Tensor:
        return self(raw, target).mean()


def problem(at: list[float], **centres: list[float]) -> tuple[Any, Any]:
    composition = SimpleNamespace(
        model=Point(at), tasks={name: SimpleNamespace(loss=Bowl()) for name in centres}
    )
    count = torch.tensor(2.0)
    answers = {name: Known(torch.tensor([goal, goal]), None, count) for name, goal in centres.items()}
    return composition, (Lesson(tuple(centres), torch.zeros(2, 1), {}, answers),)


def test_of_quadratic_losses_it_is_the_closed_form() -> None:
    at, goals = [1.0, 2.0], {"a": [0.0, 0.0], "b": [2.0, 0.5], "c": [1.0, 5.0]}
    composition, lessons = problem(at, **goals)
    found = lookahead(composition, [lessons, lessons], RATE)
    here = torch.tensor(at, dtype=torch.float64)
    for first, goal in goals.items():
        # theta' = theta - rate (theta - c_i); L_j = |theta - c_j|^2 / 2.
        after = here - RATE * (here - torch.tensor(goal))
        for second, other in goals.items():
            if first != second:
                centre = torch.tensor(other, dtype=torch.float64)
                ratio = (after - centre).square().sum() / (here - centre).square().sum()
                assert found[f"affinity/{first}/{second}"] == pytest.approx(1 - float(ratio), abs=1e-6)
    assert len(found) == 6


def test_cosines_are_those_of_the_ways_to_the_centres() -> None:
    composition, lessons = problem([0.0, 0.0], right=[1.0, 0.0], left=[-3.0, 0.0], up=[1.0, 1.0])
    found = cosines(composition, lessons)
    assert found["cosine/right/left"] == pytest.approx(-1)
    assert found["cosine/right/up"] == pytest.approx(2**-0.5)
    assert found["cosine/left/up"] == pytest.approx(-(2**-0.5))


def test_a_task_that_is_solved_neither_helps_nor_is_helped() -> None:
    composition, lessons = problem([1.0, 1.0], done=[1.0, 1.0], far=[3.0, 1.0])
    assert lookahead(composition, [lessons], RATE) == {"affinity/done/far": 0.0, "affinity/far/done": 0.0}


def test_the_model_is_left_as_it_was_to_the_bit(registry: Registry) -> None:
    def trained(lookahead: int) -> tuple[dict[str, Tensor], set[str]]:
        recipe = {
            "tasks": ["even", "third"],
            "encoder": {"name": "mlp", "hidden": [8]},
            "train": {"epochs": 1, "validation": 0.95, "batch_size": 16, "lookahead": lookahead},
        }
        composition = compose(read(RecipeSource(recipe), registry), registry)
        splits = load_splits(composition.dataset, validation=0.95, split_seed=0)
        (result,) = Trainer(composition, splits, torch.device("cpu")).epochs()
        return composition.model.state_dict(), {key for key in result.row if key.startswith("affinity/")}

    plain, none = trained(0)
    watched, both = trained(2)
    assert none == set()
    assert both == {"affinity/even/third", "affinity/third/even"}
    assert all(torch.equal(plain[name], watched[name]) for name in plain)
