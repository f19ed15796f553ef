"""A residual network of chosen widths, for small images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible, refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small
from .whitening import Whitening, fit_whitening

MINIMUM = 9
"""The smallest height and width whose last map, with three halvings, is more than one pixel."""


class SmallResNet(Encoder):
    """A residual network (He et al. 2016) that trains on a CPU: few channels, `depth` blocks per resolution.

    Stages: `stem`, a 5 x 5 convolution at the image's size with the first of `widths` (or `whitening` and a
    1 x 1 one) and `stem_depth` blocks after it; `layer1`, `layer2` and so on with the others, halved each
    time, rounded up; `pool`, the mean of the last map. Raises `Incompatible` for images below 9 x 9 and for
    more widths than halvings.
    """

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        widths: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=2, description="Channels at the image's size, at half of it, at a quarter, ..."),
        ] = (24, 48, 96),
        depth: Annotated[int, Field(ge=1, description="Residual blocks per resolution.")] = 2,
        stem_depth: Annotated[
            int, Field(ge=0, description="Residual blocks at the image's size: fine lines, at a price.")
        ] = 0,
        whitening: Annotated[
            bool,
            Field(
                description="Begin with fixed 2 x 2 filters that make the pixels of training images "
                "uncorrelated, in place of the 5 x 5 convolution.",
                json_schema_extra={"later": True},
            ),
        ] = False,
    ) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        self.fits = whitening
        forms = [FeatureSpec(widths[0], image.height, image.width)]
        stem = nn.Sequential(
            *(_whitened if whitening else _convolved)(image.channels, widths[0]),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            *(_Block(widths[0], widths[0], 1) for _ in range(stem_depth)),
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict(stem=stem)
        for number, (before, after) in enumerate(pairwise(widths), 1):
            high, wide = -(-image.height // 2**number), -(-image.width // 2**number)
            if max(high, wide) < 2:
                raise Incompatible(f"{len(widths)} widths halve the image to a single pixel")
            blocks = [_Block(before, after, 2), *(_Block(after, after, 1) for _ in range(depth - 1))]
            stages[f"layer{number}"] = nn.Sequential(*blocks)
            forms.append(FeatureSpec(after, high, wide))
        stages["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.feature_specs = (*forms, FeatureSpec(widths[-1]))
        self.stages = nn.Sequential(stages)

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)

    def fit(self, images: Iterable[Tensor]) -> None:
        """Take the filters of the first layer from normalised training images, where they are wanted."""
        fit_whitening(self.stages, images)


def _convolved(channels: int, width: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, 5, padding=2, bias=False)]


def _whitened(channels: int, width: int) -> list[nn.Module]:
    whitening = Whitening(channels)
    return [whitening, nn.GELU(), nn.Conv2d(whitening.width, width, 1, bias=False)]


class _Block(nn.Module):
    """Two 3 x 3 convolutions added to what came in, which is brought to the new form where it has another."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        same = before == after and stride == 1
        self.around = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, features: Tensor) -> Tensor:
        total: Tensor = self.main(features) + self.around(features)
        return total.relu()
