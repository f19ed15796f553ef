"""What holds for every built-in encoder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import Encoder
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.plugins.encoders import COMPONENTS

ELSEWHERE = {"late-fusion", "timm", "torchvision"}
NAMES = [component.name for component in COMPONENTS if component.name not in ELSEWHERE]
"""Encoders of their own that an image is enough for.

What joins it with vectors: `test_vectors.py`; networks of libraries: `test_library_encoders.py`."""
MINIMUM = {
    "lenet": 12,
    "strided-cnn": 5,
    "multi-lenet": 16,
    "mlp": 1,
    "alexnet": 8,
    "shapenet": 1,
    "two-input-cnn": 16,
    "resnet18": 9,
    "small-resnet": 9,
    "airbench": 9,
}
NUMBER = InputSpec("number", 10)
DIGIT = ImageSpec(1, 28, 28)


def encoder_class(name: str) -> type[Encoder]:
    (component,) = (component for component in COMPONENTS if component.name == name)
    module, _, attribute = component.target.partition(":")
    encoder: type[Encoder] = getattr(import_module(module), attribute)
    return encoder


def extra(name: str) -> tuple[InputSpec, ...]:
    return (NUMBER,) if name == "two-input-cnn" else ()


def build(name: str, image: ImageSpec = DIGIT) -> Encoder:
    torch.manual_seed(0)
    return encoder_class(name)(image, extra(name))


def draw(image: ImageSpec, batch: int) -> tuple[Tensor, dict[str, Tensor]]:
    return torch.randn(batch, *image.shape), {"number": torch.randint(10, (batch,))}


def test_records_are_valid_and_exactly_one_encoder_is_the_default() -> None:
    assert [problem for component in COMPONENTS for problem in component.problems()] == []
    assert [component.name for component in COMPONENTS if "recipe" in component.default_for] == ["lenet"]


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=5)
@given(data=st.data())
def test_declared_forms_are_the_real_ones(name: str, data: st.DataObject) -> None:
    sides = st.integers(MINIMUM[name], MINIMUM[name] + 14)
    image = ImageSpec(data.draw(st.integers(1, 4)), data.draw(sides), data.draw(sides))
    encoder = build(name, image).eval()
    with torch.no_grad():
        outputs = encoder(*draw(image, 2))
    assert [tuple(output.shape[1:]) for output in outputs] == [spec.shape for spec in encoder.feature_specs]


@pytest.mark.parametrize("name", [name for name in NAMES if MINIMUM[name] > 1])
def test_an_image_one_pixel_too_small_is_refused_with_the_reason(name: str) -> None:
    least = MINIMUM[name]
    image = ImageSpec(1, least, least - 1)
    reason = f"needs an image of at least {least} x {least}, got {least} x {least - 1}"
    assert encoder_class(name).accepts(image, extra(name)) == reason
    with pytest.raises(Incompatible, match=reason):
        build(name, image)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_image_trains_even_in_a_batch_of_one(name: str) -> None:
    image = ImageSpec(1, MINIMUM[name], MINIMUM[name])
    assert encoder_class(name).accepts(image, extra(name)) is None
    build(name, image).train()(*draw(image, 1))[-1].sum().backward()


@pytest.mark.parametrize("name", NAMES)
def test_stages_are_named_and_as_many_as_the_forms(name: str) -> None:
    encoder = build(name)
    names = [child for child, _ in encoder.stages.named_children()]
    assert len(names) == len(encoder.feature_specs)
    assert not any(child.isdigit() for child in names)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_encoded_the_same_in_any_batch(name: str) -> None:
    encoder = build(name).eval()
    image, inputs = draw(DIGIT, 4)
    with torch.no_grad():
        together = encoder(image, inputs)[-1]
        alone = torch.cat(
            [encoder(image[i : i + 1], {"number": inputs["number"][i : i + 1]})[-1] for i in range(4)]
        )
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_depends_on_every_parameter(name: str) -> None:
    encoder = build(name)
    answer = encoder(*draw(DIGIT, 8))[-1]
    (answer * torch.randn_like(answer)).sum().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_builds_the_same_weights(name: str) -> None:
    one, two = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_traceable_for_any_batch_size(name: str) -> None:
    class Answer(nn.Module):
        def __init__(self, encoder: Encoder) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
            answer: Tensor = self.encoder(image, inputs)[-1]
            return answer

    model = Answer(build(name)).eval()
    dynamic = {0: torch.export.Dim.DYNAMIC}
    shapes = {"image": dynamic, "inputs": {"number": dynamic}}
    with torch.no_grad():
        traced = torch.export.export(model, draw(DIGIT, 3), dynamic_shapes=shapes).module()
        sample = draw(DIGIT, 5)
        torch.testing.assert_close(traced(*sample), model(*sample), rtol=1e-4, atol=1e-5)
