from __future__ import annotations

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.shapenet import ShapeNet


def test_the_image_keeps_its_size_up_to_the_linear_layer() -> None:
    encoder = ShapeNet(ImageSpec(1, 28, 28), ())
    assert [spec.shape for spec in encoder.feature_specs] == [
        (8, 28, 28),
        (16, 28, 28),
        (32, 28, 28),
        (64, 28, 28),
        (256,),
    ]
