"""What holds for every built-in sharing scheme."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
import torch

from mtl.core.contracts import Encoder, Sharing
from mtl.core.specs import ImageSpec, InputSpec
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.encoders.two_input_cnn import TwoInputCNN
from mtl.plugins.sharings import COMPONENTS

NAMES = [component.name for component in COMPONENTS]
TASKS = ("first", "values", "third")  # "values" is a name that torch's module dictionary refuses
SMALL = ImageSpec(1, 4, 4)


def small_encoder() -> Encoder:
    # Features that are never 0, so that every parameter has a gradient.
    return MLP(SMALL, (), hidden=(6, 5), activation="tanh")


def number_encoder() -> Encoder:
    return TwoInputCNN(ImageSpec(1, 16, 16), (InputSpec("number", 10),))


def build(name: str, encoder: Callable[[], Encoder] = small_encoder) -> Sharing:
    (component,) = (component for component in COMPONENTS if component.name == name)
    module, _, attribute = component.target.partition(":")
    torch.manual_seed(0)
    sharing: Sharing = getattr(import_module(module), attribute)(TASKS, encoder)
    return sharing


def test_records_are_valid_and_hard_sharing_is_the_default() -> None:
    assert [problem for component in COMPONENTS for problem in component.problems()] == []
    assert [component.name for component in COMPONENTS if "recipe" in component.default_for] == ["hard"]


@pytest.mark.parametrize("name", NAMES)
def test_every_task_gets_the_stages_that_were_declared(name: str) -> None:
    sharing = build(name)
    outputs = sharing(torch.rand(2, 1, 4, 4), {}, TASKS)
    assert list(outputs) == list(TASKS)
    for task, stages in outputs.items():
        declared = [spec.shape for spec in sharing.feature_specs[task]]
        assert [tuple(stage.shape[1:]) for stage in stages] == declared


@pytest.mark.parametrize("name", NAMES)
def test_a_task_asked_alone_gets_what_it_gets_with_the_others(name: str) -> None:
    sharing, image = build(name), torch.rand(2, 1, 4, 4)
    together = sharing(image, {}, TASKS)
    for task in TASKS:
        alone = sharing(image, {}, (task,))
        assert list(alone) == [task]
        assert all(torch.equal(*pair) for pair in zip(alone[task], together[task], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_shared_parameters_are_those_that_two_losses_reach(name: str) -> None:
    sharing = build(name)
    reached: dict[str, set[str]] = {}
    for task in TASKS:
        sharing.zero_grad()
        sum(stage.sum() for stage in sharing(torch.rand(4, 1, 4, 4), {}, TASKS)[task]).backward()
        for parameter_name, parameter in sharing.named_parameters():
            if parameter.grad is not None and parameter.grad.any():
                reached.setdefault(parameter_name, set()).add(task)
    assert set(reached) == {parameter_name for parameter_name, _ in sharing.named_parameters()}
    shared = {id(parameter) for parameter in sharing.shared_parameters()}
    names = {parameter_name for parameter_name, p in sharing.named_parameters() if id(p) in shared}
    assert names == {parameter_name for parameter_name, tasks in reached.items() if len(tasks) > 1}


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_that_reads_an_extra_input_is_given_it(name: str) -> None:
    sharing, image = build(name, number_encoder), torch.rand(1, 1, 16, 16)
    assert sharing.fuses == {"number"}
    three, four = (sharing(image, {"number": torch.tensor([value])}, TASKS) for value in (3, 4))
    assert not any(torch.equal(three[task][-1], four[task][-1]) for task in TASKS)
