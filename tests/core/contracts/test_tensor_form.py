"""What a component gives at work has the form it was rehearsed in, or the component is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.errors import ComponentError
from mtl.core.composition.views import View, target_of
from mtl.core.contracts import Task
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, InputSpec
from mtl.core.contracts.tensor_form import expect, expect_plain
from mtl.core.discovery.responsibility import Owners
from mtl.plugins.forms import Categorical

SPEC = DatasetSpec(ImageSpec(1, 4, 4), {"kind": Categorical(("a", "b"))})


class Own(Tensor):
    pass


class Fickle(Task):
    """A task whose attributes say what its methods give."""

    needs = ("kind",)
    inputs = (InputSpec("turn", 4),)
    given: Any = None
    at = ""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.target_spec = SPEC.labels["kind"]

    def _gives(self, place: str, value: Any) -> Any:
        return self.given(value) if place == self.at else value

    def transform(self, batch: Batch, random: Any) -> Any:
        return self._gives("batch", replace(batch, image=self._gives("transform", batch.image)))

    def prepare(self, image: Tensor) -> Any:
        return self._gives("prepare", image)

    def corrupt(self, image: Tensor, random: Any) -> Any:
        return self._gives("corrupt", image)

    def draw_inputs(self, batch: Batch, random: Any) -> Any:
        return {"turn": self._gives("inputs", torch.ones(len(batch.image), dtype=torch.int64))}

    def target(self, batch: Batch) -> Any:
        return self._gives("target", batch.labels["kind"])


GIVEN = {
    "None": lambda value: None,
    "short": lambda value: value[:-1],
    "double": lambda value: value.double(),
    "complex": lambda value: value + 0j,
    "subclass": lambda value: value.as_subclass(Own),
}


def _look(task: Fickle) -> None:
    owners = Owners()
    owners.add(Fickle, "task 'fickle' of plugin 1.0")
    batch = Batch(torch.rand(5, 1, 4, 4), {"kind": torch.ones(5, dtype=torch.int64)})
    random = StepRandom(5, torch.device("cpu"), 0, "look")
    with owners.at_work("while it trained, in epoch 3"):
        target_of(task, View(("a",), ("a",)).show(batch, {"a": task}, random))


def test_what_keeps_its_form_passes() -> None:
    _look(Fickle())


@pytest.mark.parametrize("place", ["transform", "prepare", "corrupt", "inputs", "target"])
@pytest.mark.parametrize("given", GIVEN)
def test_a_task_that_gives_another_form_at_work_is_named(given: str, place: str) -> None:
    task = Fickle()
    task.at, task.given = place, GIVEN[given]
    with pytest.raises(ComponentError) as caught:
        _look(task)
    assert str(caught.value).startswith("task 'fickle' of plugin 1.0 failed while it trained, in epoch 3: ")
    assert " is " in str(caught.value)


def test_a_batch_that_is_none_is_named() -> None:
    task = Fickle()
    task.at, task.given = "batch", GIVEN["None"]
    with pytest.raises(ComponentError, match="its transformed batch is of type NoneType, no Batch"):
        _look(task)


def test_no_number_is_read_at_work() -> None:
    # Without numbers nothing could be read: the check must say what it is and nothing else.
    with torch.device("meta"):
        value = torch.empty(3, 2)
    expect(None, "it is", value, (3, 2))
    expect_plain(None, "it is", value)
