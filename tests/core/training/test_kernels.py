"""How many operations a step launches, and how few of them are not the model's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.trainer import Trainer
from mtl.plugins.layers import ELU

VIEWS = {
    *("_unsafe_view", "alias", "as_strided", "detach", "expand", "permute", "select", "slice", "split", "t"),
    *("split_with_sizes", "squeeze", "transpose", "unbind", "unsqueeze", "view"),
    *("empty", "empty_like", "empty_strided", "new_empty"),
}
"""Operations that compute nothing."""

STEPS = 16


class Launches(TorchDispatchMode):
    """Counts what a device would have to compute, by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        if name not in VIEWS:
            self.seen[name] += 1
        return function(*args, **(kwargs or {}))

    @property
    def per_step(self) -> float:
        return self.seen.total() / STEPS


@pytest.fixture
def _as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the exponential unit is one operation; here it is several, which are faster."""
    monkeypatch.setattr(ELU, "forward", torch.nn.ELU.forward)


def trainer(registry: Registry, tree: dict[str, Any]) -> Trainer:
    whole = {"tasks": ["denoise", "classify"], "encoder": "lenet", "train": {"batch_size": 4}, **tree}
    composition = compose(read(RecipeSource(whole), registry), registry)
    splits = load_splits(composition.dataset, validation=0.9, split_seed=0)
    made = Trainer(composition, splits, torch.device("cpu"))
    made.composition.model.train()
    return made


def block(made: Trainer) -> Launches:
    """Count a block's launches; what is made once is made by a block before."""
    counted = [Launches(), Launches()]
    for seen in counted:
        made._blocks.restart(1, 0)
        with seen:
            made._work(torch.arange(4 * STEPS), 0)
    return counted[-1]


def bare(made: Trainer) -> Launches:
    """Count forward, losses, backward and update of the same model, once for each step of a block."""
    made._blocks.restart(1, 0)
    steps = made._blocks.lessons(torch.arange(4 * STEPS), 1, 0)
    composition = made.composition
    seen = Launches()
    with seen:
        for lessons in steps:
            losses = []
            for lesson in lessons:
                raw = composition.model(lesson.image, lesson.inputs, lesson.tasks, prepared=True)
                losses += [
                    composition.tasks[name].loss(raw[name], lesson.answers[name].target).mean()
                    for name in lesson.tasks
                ]
            made._update.forget_gradients()
            torch.stack(losses).sum().backward()
            made._update(made._failure.found)
    return seen


@pytest.mark.usefixtures("_as_on_cuda")
@pytest.mark.parametrize(
    ("tree", "most"),
    [
        ({}, 87),
        ({"encoder": {"name": "mlp", "hidden": [8, 8]}, "tasks": ["even", "third"]}, 43),
        ({"balancer": "uncertainty"}, 120),
    ],
)
def test_a_step_launches_no_more_than_it_did(tree: dict[str, Any], most: int, registry: Registry) -> None:
    assert block(trainer(registry, tree)).per_step <= most


@pytest.mark.usefixtures("_as_on_cuda")
@pytest.mark.parametrize(("tree", "most"), [({}, -4), ({"tasks": ["even", "third"]}, 1)])
def test_little_of_a_step_is_not_the_models(tree: dict[str, Any], most: int, registry: Registry) -> None:
    """What is not finite, and a sixteenth of making the block; the mean of a batch is one operation less."""
    made = trainer(registry, tree)
    block(made)
    extra = block(made).per_step - bare(made).per_step
    assert extra <= most


@pytest.mark.usefixtures("_as_on_cuda")
def test_the_plain_sum_multiplies_by_nothing(registry: Registry) -> None:
    made = trainer(registry, {})
    weighted = trainer(registry, {"balancer": {"name": "weighted"}})
    assert block(weighted).seen["mul"] - block(made).seen["mul"] >= 2 * STEPS
