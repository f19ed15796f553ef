"""AlexNet for images of 32 x 32."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from ...core.base.errors import refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import dropout_layers, too_small

MINIMUM = 8
"""The smallest height and width that survive three pools."""


class AlexNet(Encoder):
    """AlexNet (Krizhevsky et al. 2012) with 3 x 3 convolutions for small images, and 1024 features.

    Five convolutions in three pooled blocks (64, 192 and 256 channels, each half as large as the one
    before), then two linear layers: the stages are `block1`, `block2`, `block3`, `fc1` and `fc2`.
    Raises `Incompatible` for images below 8 x 8.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout before each linear layer.")] = 0.5,
    ) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        maps = tuple(
            FeatureSpec(channels, image.height // shrink, image.width // shrink)
            for channels, shrink in ((64, 2), (192, 4), (256, 8))
        )
        self.feature_specs = (*maps, FeatureSpec(1024), FeatureSpec(1024))
        self.stages = nn.Sequential(
            OrderedDict(
                block1=_block(image.channels, 64),
                block2=_block(64, 192),
                block3=_block(192, 384, 256, 256),
                fc1=nn.Sequential(
                    nn.Flatten(), *dropout_layers(dropout), nn.Linear(maps[-1].size, 1024), nn.ReLU()
                ),
                fc2=nn.Sequential(*dropout_layers(dropout), nn.Linear(1024, 1024), nn.ReLU()),
            )
        )

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)


def _block(*channels: int) -> nn.Sequential:
    """Return convolutions with ReLU from each number of channels to the next, then a pool."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
