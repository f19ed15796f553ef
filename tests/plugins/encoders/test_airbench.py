"""The network of airbench."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.airbench import Airbench

COLOUR = ImageSpec(3, 32, 32)


def test_its_maps_are_those_of_the_paper() -> None:
    encoder = Airbench(COLOUR, ())
    shapes = [spec.shape for spec in encoder.feature_specs]
    assert shapes == [(24, 31, 31), (64, 15, 15), (256, 7, 7), (256, 3, 3), (256,)]


def test_it_computes_what_its_equations_say() -> None:
    torch.manual_seed(0)
    encoder = Airbench(ImageSpec(2, 18, 20), (), widths=(5,), scale=0.5).train()
    image = torch.randn(4, 2, 18, 20)

    def normal(values: Tensor, bias: Tensor) -> Tensor:
        mean = values.mean(dim=(0, 2, 3), keepdim=True)
        deviation = values.var(dim=(0, 2, 3), unbiased=False, keepdim=True).add(1e-5).sqrt()
        return F.gelu((values - mean) / deviation + bias)

    state = {name.removeprefix("stages."): value for name, value in encoder.named_parameters()}
    first, second, one, two, stem = (
        state[name]
        for name in ("layer1.0.weight", "layer1.4.weight", "layer1.2.bias", "layer1.5.bias", "stem.0.bias")
    )
    with torch.no_grad():
        for bias in (one, two, stem):
            bias.normal_()
    filters = encoder.get_buffer("stages.stem.0.filters")
    values = F.gelu(F.conv2d(image, filters, stem))
    values = normal(F.max_pool2d(F.conv2d(values, first, padding=1), 2), one)
    values = normal(F.conv2d(values, second, padding=1), two)
    torch.testing.assert_close(encoder(image, {})[-1], values.amax(dim=(2, 3)) * 0.5)


def test_convolutions_begin_as_the_identity_of_the_channels_that_there_are() -> None:
    encoder = Airbench(COLOUR, (), widths=(30,))
    weight = encoder.get_parameter("stages.layer1.0.weight")
    image = torch.randn(1, 24, 6, 6)
    answer = F.conv2d(image, weight, padding=1)
    assert torch.equal(answer[:, :24], image)
    assert answer[:, 24:].abs().min() > 0


def test_statistics_follow_young_batches() -> None:
    encoder = Airbench(COLOUR, (), widths=(4,)).train()
    torch.manual_seed(0)
    encoder(torch.randn(8, 3, 32, 32), {})
    first = encoder.get_buffer("stages.layer1.2.normal.running_mean").clone()
    assert first.abs().max() > 0
    seen: list[Tensor] = []
    encoder.get_submodule("stages.layer1.1").register_forward_hook(lambda *given: seen.append(given[2]))
    encoder(torch.randn(8, 3, 32, 32) + 1, {})
    expected = 0.6 * first + 0.4 * seen[0].mean(dim=(0, 2, 3))
    torch.testing.assert_close(encoder.get_buffer("stages.layer1.2.normal.running_mean"), expected)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 300)])
def test_more_widths_than_halvings_are_refused(height: int, width: int) -> None:
    with pytest.raises(Incompatible, match="4 widths halve the image to nothing"):
        Airbench(ImageSpec(1, height, width), (), widths=(2, 2, 2, 2))
