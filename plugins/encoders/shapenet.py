"""Four convolutions without pooling, for small drawings of shapes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import nn

from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec


class ShapeNet(Encoder):
    """Convolutions that keep the image's size, then one wide linear layer: every position stays visible.

    Stages `conv1`, `conv2`, ... are maps of the image's size with `channels` channels; `fc` is a vector of
    `features` values. Any image is served; the linear layer grows with its area.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        channels: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=1, description="Channels of every 3 x 3 convolution."),
        ] = (8, 16, 32, 64),
        features: Annotated[int, Field(ge=1, description="Width of the linear layer.")] = 256,
    ) -> None:
        super().__init__()
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        before = image.channels
        for number, after in enumerate(channels, 1):
            stages[f"conv{number}"] = nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.ReLU())
            before = after
        maps = tuple(FeatureSpec(count, image.height, image.width) for count in channels)
        stages["fc"] = nn.Sequential(nn.Flatten(), nn.Linear(maps[-1].size, features), nn.ReLU())
        self.feature_specs = (*maps, FeatureSpec(features))
        self.stages = nn.Sequential(stages)
