"""A small convolutional network that reads a number beside the image."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Encoder
from ...core.contracts.batch import one_hot
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small

MINIMUM = 16
"""The smallest height and width that leave the second pool something to look at."""


class TwoInputCNN(Encoder):
    """Two convolutions, then linear layers that see the image's features beside an extra whole number.

    Stages: `conv1` and `conv2` (maps of 6 and 12 channels), `join` (the flattened map and `embedding`
    features of the one-hot number), then `fc1`, `fc2`, ... as wide as `hidden` says. Raises `Incompatible`
    for images below 16 x 16 and unless there is exactly one extra input.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        embedding: Annotated[int, Field(ge=1, description="Features made of the number.")] = 20,
        hidden: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=1, description="Width of every linear layer after the join."),
        ] = (212, 100),
    ) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        (self.number,) = inputs
        self.fuses = frozenset({self.number.name})
        height, width = (image.height - 4) // 2, (image.width - 4) // 2
        first = FeatureSpec(6, height, width)
        second = FeatureSpec(12, (height - 4) // 2, (width - 4) // 2)
        width = second.size + embedding
        self.feature_specs = (first, second, FeatureSpec(width), *(FeatureSpec(size) for size in hidden))
        stages: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Sequential(nn.Conv2d(image.channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
            conv2=nn.Sequential(nn.Conv2d(6, 12, 5), nn.ReLU(), nn.MaxPool2d(2)),
            join=_Join(self.number, embedding),
        )
        for number, size in enumerate(hidden, 1):
            stages[f"fc{number}"] = nn.Sequential(nn.Linear(width, size), nn.ReLU())
            width = size
        self.stages = nn.Sequential(stages)

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the inputs cannot be served (image too small, not one extra input), or None."""
        if len(inputs) != 1:
            return f"needs exactly one extra input, got {len(inputs)}"
        return too_small(image, MINIMUM)

    def forward_stage(self, index: int, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        stage = self.stages[index]
        value = (inputs[self.number.name],) if isinstance(stage, _Join) else ()
        output: Tensor = stage(features, *value)
        return output


class _Join(nn.Module):
    """Flattens a map and appends features of a whole number."""

    def __init__(self, number: InputSpec, embedding: int) -> None:
        super().__init__()
        self.number = number
        self.embed = nn.Sequential(nn.Linear(number.count, embedding), nn.ReLU())

    def forward(self, features: Tensor, value: Tensor) -> Tensor:
        number = one_hot(self.number, value).to(features.dtype)
        return torch.cat([features.flatten(1), self.embed(number)], dim=1)
