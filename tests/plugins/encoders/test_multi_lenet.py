from __future__ import annotations

from torch import nn

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.multi_lenet import MultiLeNet


def test_stages_for_a_digit_are_those_of_the_tables() -> None:
    encoder = MultiLeNet(ImageSpec(1, 28, 28), ())
    assert [name for name, _ in encoder.stages.named_children()] == ["conv1", "conv2", "fc"]
    assert [spec.shape for spec in encoder.feature_specs] == [(10, 12, 12), (20, 4, 4), (50,)]


def test_parameters_are_those_of_the_tables() -> None:
    count = sum(p.numel() for p in MultiLeNet(ImageSpec(1, 28, 28), ()).parameters())
    assert count == (25 + 1) * 10 + (10 * 25 + 1) * 20 + (320 + 1) * 50


def test_dropout_leaves_out_whole_maps_before_the_second_pool() -> None:
    conv2 = MultiLeNet(ImageSpec(1, 28, 28), (), dropout=0.25).stages[1]
    assert [type(layer) for layer in conv2] == [nn.Conv2d, nn.Dropout2d, nn.MaxPool2d, nn.ReLU]
    assert conv2[1].p == 0.25
