from __future__ import annotations

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.lenet import LeNet


def test_stages_for_a_digit_are_the_classical_ones() -> None:
    encoder = LeNet(ImageSpec(1, 28, 28), ())
    assert [name for name, _ in encoder.stages.named_children()] == ["conv1", "conv2", "fc1", "fc2"]
    assert [spec.shape for spec in encoder.feature_specs] == [(6, 14, 14), (16, 5, 5), (120,), (84,)]


def test_parameters_are_those_of_lenet_5_without_its_output_layer() -> None:
    count = sum(p.numel() for p in LeNet(ImageSpec(1, 28, 28), ()).parameters())
    assert count == (25 + 1) * 6 + (6 * 25 + 1) * 16 + (400 + 1) * 120 + (120 + 1) * 84
