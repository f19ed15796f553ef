"""What holds for every built-in head."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import Form, Head, HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from mtl.plugins.forms import Binary, Categorical, Image, Regression
from mtl.plugins.heads import COMPONENTS

ANSWERS: list[Form] = [Categorical(("a", "b", "c")), Binary(), Regression(("x", "y"), "m")]
PICTURE = Image(1, 9, 12)
NUMBER = InputSpec("number", 4)
STAGES = (FeatureSpec(3, 9, 12), FeatureSpec(4, 3, 5), FeatureSpec(6))
CASES = [(name, target) for name in ("linear", "mlp", "fusion") for target in ANSWERS]
CASES += [(name, PICTURE) for name in ("decoder", "dense-decoder")]


def head_class(name: str) -> type[Head]:
    (component,) = (component for component in COMPONENTS if component.name == name)
    module, _, attribute = component.target.partition(":")
    head: type[Head] = getattr(import_module(module), attribute)
    return head


def place(target: Form, stages: tuple[FeatureSpec, ...] = STAGES) -> HeadSpec:
    return HeadSpec(ImageSpec(1, 9, 12), stages, target, (NUMBER,))


def build(name: str, spec: HeadSpec) -> Head:
    torch.manual_seed(0)
    return head_class(name)(spec)


def draw(spec: HeadSpec, batch: int) -> Features:
    stages = tuple(torch.randn(batch, *stage.shape) for stage in spec.stages)
    return Features(stages, torch.rand(batch, *spec.image.shape), {"number": torch.randint(4, (batch,))})


def test_records_are_valid_and_one_is_the_default_for_extra_inputs() -> None:
    assert [problem for component in COMPONENTS for problem in component.problems()] == []
    situations = [situation for component in COMPONENTS for situation in component.default_for]
    assert situations == ["inputs"]


@pytest.mark.parametrize("stages", [STAGES, STAGES[:2]], ids=["vector", "map"])
@pytest.mark.parametrize(("name", "target"), CASES)
def test_the_answer_has_the_targets_shape(name: str, target: Form, stages: tuple[FeatureSpec, ...]) -> None:
    spec = place(target, stages)
    assert head_class(name).accepts(spec) is None
    assert build(name, spec)(draw(spec, 5)).shape == (5, *target.output_shape)


@pytest.mark.parametrize("name", ["linear", "mlp", "fusion"])
def test_an_image_is_refused_by_heads_of_plain_layers(name: str) -> None:
    reason = "answers classes, yes/no or values; an image needs a decoder"
    assert head_class(name).accepts(place(PICTURE)) == reason
    with pytest.raises(Incompatible, match=reason):
        build(name, place(PICTURE))


@pytest.mark.parametrize("target", ANSWERS)
@pytest.mark.parametrize("name", ["decoder", "dense-decoder"])
def test_anything_but_an_image_is_refused_by_decoders(name: str, target: Form) -> None:
    reason = f"draws images and maps, the target is {target.form}"
    assert head_class(name).accepts(place(target)) == reason
    with pytest.raises(Incompatible, match=reason):
        build(name, place(target))


@pytest.mark.parametrize(("name", "target"), CASES)
def test_the_answer_depends_on_every_parameter(name: str, target: Form) -> None:
    head = build(name, place(target))
    answer = head(draw(head_spec := place(target), 16))
    assert answer.shape[1:] == head_spec.target.output_shape
    (answer * torch.randn_like(answer)).sum().backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(("name", "target"), CASES)
def test_a_sample_is_answered_the_same_in_any_batch(name: str, target: Form) -> None:
    spec = place(target)
    head, features = build(name, spec).eval(), draw(spec, 3)
    alone = [
        head(
            Features(
                tuple(stage[i : i + 1] for stage in features.stages),
                features.image[i : i + 1],
                {"number": features.inputs["number"][i : i + 1]},
            )
        )
        for i in range(3)
    ]
    torch.testing.assert_close(head(features), torch.cat(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "target"), CASES)
def test_it_is_traceable_for_any_batch_size(name: str, target: Form) -> None:
    class Answer(nn.Module):
        def __init__(self, head: Head) -> None:
            super().__init__()
            self.head = head

        def forward(self, stages: tuple[Tensor, ...], image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
            answer: Tensor = self.head(Features(stages, image, inputs))
            return answer

    spec = place(target)
    model = Answer(build(name, spec)).eval()
    dynamic = {0: torch.export.Dim.DYNAMIC}
    shapes = {"stages": (dynamic,) * 3, "image": dynamic, "inputs": {"number": dynamic}}
    with torch.no_grad():
        traced = torch.export.export(model, tuple(draw(spec, 3)), dynamic_shapes=shapes).module()
        sample = tuple(draw(spec, 5))
        torch.testing.assert_close(traced(*sample), model(*sample), rtol=1e-4, atol=1e-5)
