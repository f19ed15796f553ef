from __future__ import annotations

import torch
from torch import nn

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.alexnet import AlexNet


def test_the_first_two_blocks_end_with_the_first_two_pools() -> None:
    encoder = AlexNet(ImageSpec(3, 32, 32), ())
    assert [name for name, _ in encoder.stages.named_children()] == [
        "block1",
        "block2",
        "block3",
        "fc1",
        "fc2",
    ]
    pools = [sum(isinstance(layer, nn.MaxPool2d) for layer in stage.modules()) for stage in encoder.stages]
    assert pools == [1, 1, 1, 0, 0]
    assert [spec.shape for spec in encoder.feature_specs[:3]] == [(64, 16, 16), (192, 8, 8), (256, 4, 4)]


def test_dropout_acts_in_training_only() -> None:
    encoder = AlexNet(ImageSpec(1, 8, 8), ())
    image = torch.rand(2, 1, 8, 8)
    assert not torch.equal(encoder.train()(image, {})[-1], encoder(image, {})[-1])
    assert torch.equal(encoder.eval()(image, {})[-1], encoder(image, {})[-1])
