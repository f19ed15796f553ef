"""Strided convolutions: every map is half of what came before."""

from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.strided_cnn import StridedCNN


def test_every_width_halves_the_image_rounded_up() -> None:
    encoder = StridedCNN(ImageSpec(3, 28, 27), (), widths=(4, 6, 8), features=5)
    assert [spec.shape for spec in encoder.feature_specs] == [(4, 14, 14), (6, 7, 7), (8, 4, 4), (5,)]
    outputs = encoder(torch.rand(2, 3, 28, 27), {})
    assert [tuple(output.shape[1:]) for output in outputs] == [spec.shape for spec in encoder.feature_specs]


def test_nothing_is_computed_at_the_size_of_the_image() -> None:
    sizes = [spec.height for spec in StridedCNN(ImageSpec(1, 32, 32), ()).feature_specs[:-1]]
    assert sizes == [16, 8]


def test_small_images_are_refused() -> None:
    StridedCNN(ImageSpec(1, 5, 5), ())
    with pytest.raises(Incompatible, match="at least 5 x 5"):
        StridedCNN(ImageSpec(1, 4, 28), ())


def test_a_sample_alone_is_normalised_as_in_evaluation_and_changes_no_statistics() -> None:
    encoder = StridedCNN(ImageSpec(1, 8, 8), ()).train()
    encoder(torch.rand(4, 1, 8, 8), {})
    fc = encoder.stages.get_submodule("fc")
    maps = torch.rand(1, 32, 2, 2)
    before = {name: value.clone() for name, value in fc.state_dict().items()}
    alone = fc(maps)
    assert all(torch.equal(value, before[name]) for name, value in fc.state_dict().items())
    torch.testing.assert_close(alone, fc.eval()(maps))
