"""Small encoders with a map and a vector stage, and the schemes built on them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from mtl.core.contracts import Encoder, EncoderBuilder, Sharing
from mtl.core.contracts.specs import FeatureSpec, ImageSpec

IMAGE = ImageSpec(2, 6, 6)


class MapAndVector(Encoder):
    """A convolution to 3 x 4 x 4, one to 5 x 2 x 2, and a vector of 7; smooth, so that nothing is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_specs = (FeatureSpec(3, 4, 4), FeatureSpec(5, 2, 2), FeatureSpec(7))
        self.stages = nn.Sequential(
            OrderedDict(
                wide=nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh()),
                narrow=nn.Sequential(nn.Conv2d(3, 5, 3), nn.Tanh()),
                flat=nn.Sequential(nn.Flatten(), nn.Linear(20, 7), nn.Tanh()),
            )
        )


Make = Callable[..., Any]


@pytest.fixture
def make() -> Make:
    """Build a scheme on small encoders with random weights; keyword arguments are its options."""

    def build(scheme: type[Sharing], tasks: tuple[str, ...] = ("a", "b", "c"), **options: Any) -> Sharing:
        torch.manual_seed(0)
        return scheme(tasks, EncoderBuilder(IMAGE, MapAndVector), **options)

    return build


@pytest.fixture
def image() -> torch.Tensor:
    """Four images."""
    return torch.rand(4, *IMAGE.shape, generator=torch.Generator().manual_seed(1))


ENCODER = 3 * (2 * 9 + 1) + 5 * (3 * 9 + 1) + 7 * (20 + 1)
"""Parameters of the small encoder."""
