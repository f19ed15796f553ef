"""The residual network of chosen widths."""

from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.small_resnet import SmallResNet


def test_every_width_halves_the_image_rounded_up() -> None:
    encoder = SmallResNet(ImageSpec(1, 28, 27), (), widths=(4, 6, 8), depth=1)
    assert [spec.shape for spec in encoder.feature_specs] == [(4, 28, 27), (6, 14, 14), (8, 7, 7), (8,)]
    outputs = encoder(torch.rand(2, 1, 28, 27), {})
    assert [tuple(output.shape[1:]) for output in outputs] == [spec.shape for spec in encoder.feature_specs]


def test_too_many_widths_are_refused() -> None:
    with pytest.raises(Incompatible, match="single pixel"):
        SmallResNet(ImageSpec(1, 9, 9), (), widths=(2, 2, 2, 2, 2))


def test_depth_adds_blocks() -> None:
    shallow, deep = (SmallResNet(ImageSpec(1, 12, 12), (), widths=(2, 3), depth=depth) for depth in (1, 2))
    assert len(shallow.stages.get_submodule("layer1")) == 1
    assert len(deep.stages.get_submodule("layer1")) == 2


def test_the_stem_takes_blocks_at_the_size_of_the_image() -> None:
    plain, fine = (SmallResNet(ImageSpec(1, 12, 12), (), widths=(2, 3), stem_depth=depth) for depth in (0, 2))
    assert fine.feature_specs == plain.feature_specs
    assert len(fine.stages.get_submodule("stem")) == len(plain.stages.get_submodule("stem")) + 2
    assert fine(torch.rand(2, 1, 12, 12), {})[0].shape == (2, 2, 12, 12)
