"""The network of airbench, for the fewest seconds to a good answer on small colour images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible, refuse
from ...core.contracts import Encoder
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import too_small
from .whitening import SIZE, Whitening, fit_whitening

MINIMUM = 9
"""The smallest height and width that three halvings leave a pixel of."""

_SHARE_OF_NEW = 0.4
"""How much of a batch enters batch norm's statistics: few epochs ask for young ones."""


class Airbench(Encoder):
    """Whitened pixels, then two convolutions a resolution, the first one's answers halved before batch norm.

    Stages: `stem`, 2 x 2 filters that are taken from training images and not trained (`whitening`), without
    padding; `layer1`, `layer2` and so on, of `widths` channels, each half as high and wide, rounded down:
    3 x 3 convolution, largest of 2 x 2, batch norm, GELU, 3 x 3 convolution, batch norm, GELU; `pool`, the
    largest of the last map, times `scale`. Batch norm has no factors, and convolutions begin as the identity
    of the channels that there are. Raises `Incompatible` for images below 9 x 9 and for more widths than
    halvings. Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), after Page, "How to
    Train Your ResNet" (2019).

    >>> Airbench(ImageSpec(3, 32, 32), ()).feature_specs[1]
    FeatureSpec(channels=64, height=15, width=15)
    """

    fits = True

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[InputSpec],
        *,
        widths: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...],
            Field(min_length=1, description="Channels at half the image's size, at a quarter, ..."),
        ] = (64, 256, 256),
        scale: Annotated[
            float, Field(gt=0, description="Factor of the last values: small ones keep first answers unsure.")
        ] = 1 / 9,
    ) -> None:
        super().__init__()
        refuse(self.accepts(image, inputs))
        stem = Whitening(image.channels, padded=False)
        before, high, wide = stem.width, image.height + 1 - SIZE, image.width + 1 - SIZE
        forms = [FeatureSpec(before, high, wide)]
        stages: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(stem, nn.GELU()))
        for number, after in enumerate(widths, 1):
            high, wide = high // 2, wide // 2
            if min(high, wide) < 1:
                raise Incompatible(f"{len(widths)} widths halve the image to nothing")
            stages[f"layer{number}"] = _layer(before, after)
            forms.append(FeatureSpec(after, high, wide))
            before = after
        stages["pool"] = nn.Sequential(nn.MaxPool2d((high, wide)), nn.Flatten(), _Scaled(scale))
        self.feature_specs = (*forms, FeatureSpec(before))
        self.stages = nn.Sequential(stages)

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (it is too small), or None."""
        return too_small(image, MINIMUM)

    def fit(self, images: Iterable[Tensor]) -> None:
        """Take the filters of the first layer from normalised training images."""
        fit_whitening(self.stages, images)


def _layer(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        _Convolution(before, after),
        nn.MaxPool2d(2),
        _Norm(after),
        nn.GELU(),
        _Convolution(after, after),
        _Norm(after),
        nn.GELU(),
    )


class _Convolution(nn.Conv2d):
    """Filters of 3 x 3 that begin as the identity, as far as there are channels before."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 3, padding=1, bias=False)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            nn.init.dirac_(self.weight[: self.in_channels])


class _Norm(nn.Module):
    """Batch norm with biases and without factors; one value alone is normalised as in evaluation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.normal = nn.BatchNorm2d(channels, momentum=_SHARE_OF_NEW, affine=False)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        normal = self.normal
        if self.training and features.numel() == features.shape[1]:
            values = F.batch_norm(features, normal.running_mean, normal.running_var, eps=normal.eps)
        else:
            values = normal(features)
        return values + self.bias


class _Scaled(nn.Module):
    """Features times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        return features * self.factor
