from __future__ import annotations

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.resnet18 import ResNet18


def test_the_small_image_stem_keeps_the_resolution() -> None:
    encoder = ResNet18(ImageSpec(3, 32, 32), ())
    assert [spec.shape for spec in encoder.feature_specs] == [
        (64, 32, 32),
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (512,),
    ]
