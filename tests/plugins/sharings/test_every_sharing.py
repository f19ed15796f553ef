"""What holds for every built-in sharing scheme."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.contracts import Encoder, EncoderBuilder, Sharing
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.plugins.encoders.alexnet import AlexNet
from mtl.plugins.encoders.lenet import LeNet
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.encoders.resnet18 import ResNet18
from mtl.plugins.encoders.shapenet import ShapeNet
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


def build(
    name: str,
    encoder: Callable[[], Encoder] = small_encoder,
    image: ImageSpec = SMALL,
    tasks: tuple[str, ...] = TASKS,
    **options: Any,
) -> Sharing:
    (component,) = (component for component in COMPONENTS if component.name == name)
    module, _, attribute = component.target.partition(":")
    torch.manual_seed(0)
    scheme = getattr(import_module(module), attribute)
    sharing: Sharing = scheme(tasks, EncoderBuilder(image, encoder), **options)
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
    sharing, image = build(name).eval(), torch.rand(2, 1, 4, 4)
    together = sharing(image, {}, TASKS)
    for task in TASKS:
        alone = sharing(image, {}, (task,))
        assert list(alone) == [task]
        assert all(torch.equal(*pair) for pair in zip(alone[task], together[task], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_shared_parameters_are_those_that_two_losses_reach(name: str) -> None:
    sharing = build(name)
    reached: dict[str, set[str]] = {}
    for task in TASKS * 12:  # a scheme may draw what it reads
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
    small = ImageSpec(1, 16, 16)
    sharing, image = build(name, number_encoder, small).eval(), torch.rand(1, 1, 16, 16)
    assert sharing.fuses == {"number"}
    three, four = (sharing(image, {"number": torch.tensor([value])}, TASKS) for value in (3, 4))
    assert not any(torch.equal(three[task][-1], four[task][-1]) for task in TASKS)


ENCODERS: dict[str, tuple[ImageSpec, type[Encoder], tuple[InputSpec, ...]]] = {
    "lenet": (ImageSpec(1, 12, 14), LeNet, ()),
    "mlp": (ImageSpec(2, 3, 5), MLP, ()),
    "alexnet": (ImageSpec(3, 8, 16), AlexNet, ()),
    "shapenet": (ImageSpec(1, 6, 5), ShapeNet, ()),
    "two-input-cnn": (ImageSpec(1, 16, 18), TwoInputCNN, (InputSpec("number", 3),)),
    "resnet18": (ImageSpec(1, 9, 9), ResNet18, ()),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("name", NAMES)
def test_every_encoder_is_served(name: str, encoder: str) -> None:
    image, component, extra = ENCODERS[encoder]
    sharing = build(name, lambda: component(image, extra), image, ("one", "two"))
    inputs = {spec.name: torch.ones(1, dtype=torch.int64) for spec in extra}
    outputs = sharing(torch.rand(1, *image.shape), inputs, ("two",))
    assert [tuple(stage.shape[1:]) for stage in outputs["two"]] == [
        spec.shape for spec in sharing.feature_specs["two"]
    ]
    assert all(stage.isfinite().all() for stage in outputs["two"])


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"cross-stitch"}))
def test_a_single_task_is_served_and_shares_nothing(name: str) -> None:
    sharing = build(name, tasks=("only",)).eval()
    outputs = sharing(torch.rand(2, 1, 4, 4), {}, ("only",))
    assert [stage.shape for stage in outputs["only"]] == [(2, 6), (2, 5)]
    assert sharing.shared_parameters() == []
    assert all(len(table.rows) >= 1 for table in sharing.learned(torch.rand(2, 1, 4, 4), {}))


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_draws_nothing_and_repeats_itself(name: str) -> None:
    sharing, image = build(name).eval(), torch.rand(2, 1, 4, 4)
    before = torch.get_rng_state()
    one, two = sharing(image, {}, TASKS), sharing(image, {}, TASKS)
    assert torch.equal(before, torch.get_rng_state())
    for task in TASKS:
        assert all(map(torch.equal, one[task], two[task]))


@pytest.mark.parametrize("name", NAMES)
def test_training_repeats_itself_from_the_same_seed(name: str) -> None:
    sharing, image = build(name).train(), torch.rand(2, 1, 4, 4)
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(sharing(image, {}, TASKS))
    for task in TASKS:
        assert all(map(torch.equal, found[0][task], found[1][task]))


@pytest.mark.parametrize(
    ("name", "training"),
    # A sample depends on the type it is drawn in.
    [(name, training) for name in NAMES for training in (True, False) if not (training and name == "ltb")],
)
def test_double_precision_gives_the_same_numbers(name: str, training: bool) -> None:
    sharing, image = build(name).train(training), torch.rand(2, 1, 4, 4)
    single = sharing(image, {}, TASKS)
    double = sharing.double()(image.double(), {}, TASKS)
    for task in TASKS:
        for one, two in zip(single[task], double[task], strict=True):
            assert two.dtype == torch.float64
            torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_tasks_does_not_matter(name: str) -> None:
    sharing = build(name).eval()
    with torch.no_grad():
        for parameter in sharing.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    order = (2, 0, 1)
    turned = build(name, tasks=tuple(TASKS[i] for i in order)).eval()
    turned.load_state_dict(permuted(name, sharing.state_dict(), order))
    image = torch.rand(2, 1, 4, 4)
    one, two = sharing(image, {}, TASKS), turned(image, {}, TASKS)
    for task in TASKS:
        for here, there in zip(one[task], two[task], strict=True):
            torch.testing.assert_close(here, there)


PER_TASK = {
    "none": r"(encoders\.)(\d)(\..*)",
    "cross-stitch": r"(columns\.)(\d)(\..*)",
    "mmoe": r"(gates\.)(\d)(\..*)",
    "cgc": r"((?:gates|specific)\.)(\d)(\..*)",
    "ple": r"(specific\.|gates\.\d\.)(\d)(\..*)",
    "mtan": r"(attentions\.)(\d)(\..*)",
    "dselect-k": r"(gates\.)(\d)(\..*)",
    "ltb": r"(leaves\.)(\d)()",
}
"""Names of what belongs to a task, by its position."""


def permuted(name: str, state: dict[str, Tensor], order: tuple[int, ...]) -> dict[str, Tensor]:
    """Return the state of a scheme whose task `i` was task `order[i]`."""
    found = dict(state)
    for key in state:
        if match := re.fullmatch(PER_TASK.get(name, "$"), key):
            found[key] = state[f"{match[1]}{order[int(match[2])]}{match[3]}"]
        elif key.startswith("units."):
            found[key] = state[key][list(order)][:, list(order)]
        elif key.startswith("shared_gates."):
            experts = [*order, *range(len(order), len(state[key]))]
            found[key] = state[key][experts]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learned_is_told_in_tables_of_finite_numbers(name: str) -> None:
    tables = build(name).eval().learned(torch.rand(3, 1, 4, 4), {})
    assert bool(tables) is (name not in ("hard", "none"))
    for table in tables:
        assert table.title
        assert table.meaning.endswith(".")
        assert [len(row) for row in table.values] == [len(table.columns)] * len(table.rows)
        assert all(math.isfinite(value) for row in table.values for value in row)
