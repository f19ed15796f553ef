"""Strided convolutions, for many right answers in a few seconds of a CPU."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small

MINIMUM = 5
"""The smallest height and width whose first map is more than what its edges make of it."""


class StridedCNN(Encoder):
    """Convolutions that halve the image at once, each with batch norm and ReLU, and one wide linear layer.

    Nothing is computed at the image's full size, which is what makes it quick. Stages `conv1` (5 x 5),
    `conv2` and so on (3 x 3) are maps with `widths` channels, each half as high and wide as what came before,
    rounded up; `fc` is a vector of `features` values. Raises `Incompatible` for images below 5 x 5.

    >>> StridedCNN(ImageSpec(1, 28, 28), ()).feature_specs[1]
    FeatureSpec(channels=32, height=7, width=7)
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        widths: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=1, description="Channels at half the image's size, at a quarter, ..."),
        ] = (16, 32),
        features: Annotated[int, Field(ge=1, description="Width of the linear layer.")] = 64,
    ) -> None:
        super().__init__()
        reason = self.accepts(image, inputs)
        if reason is not None:
            raise Incompatible(reason)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        before, high, wide = image.channels, image.height, image.width
        maps = []
        for number, after in enumerate(widths, 1):
            size = 5 if number == 1 else 3
            stages[f"conv{number}"] = nn.Sequential(
                nn.Conv2d(before, after, size, stride=2, padding=size // 2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            )
            before, high, wide = after, -(-high // 2), -(-wide // 2)
            maps.append(FeatureSpec(after, high, wide))
        stages["fc"] = nn.Sequential(
            nn.Flatten(), nn.Linear(maps[-1].size, features, bias=False), _FeatureNorm(features), nn.ReLU()
        )
        self.feature_specs = (*maps, FeatureSpec(features))
        self.stages = nn.Sequential(stages)

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)


class _FeatureNorm(nn.BatchNorm1d):
    """Batch norm of vectors; one sample alone has no spread, and is normalised as in evaluation."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and len(input) == 1:
            return nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        normalised: Tensor = super().forward(input)
        return normalised
