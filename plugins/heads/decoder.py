"""A convolutional decoder: an image from features, with or without the detail of earlier stages."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ...core.contracts.specs import FeatureSpec
from ..forms import Image
from ..layers import ELU, refuse_no_pixels

Size = tuple[int, int]

QUIET = 0.1
"""How much smaller than torch's own some weights start.

Those of the stages, because other tasks move the encoder's features most while training is young; and those
of the last layer where it corrects the input image, because changing nothing is a good first guess. With
ELU they are worth about 1 dB on `digits` after 20 epochs (28.2 dB without, 29.5 dB with).
"""


class Decoder(Head):
    """Draws an image or map `[B, C, H, W]`: from all stages and the input image (`skip`), or the last stage.

    Every source is brought to `width` channels on a grid of half the image's resolution, where they are
    added; `depth` convolutions and a pixel shuffle (Shi et al. 2016) make the image of the sum. Working at
    half resolution is FFDNet's economy (Zhang et al. 2018).

    With `skip`, and an image of the input's own shape to answer, the decoder predicts what to take away from
    the input image (Zhang et al. 2017, DnCNN); else it predicts the pixels, logits or values themselves.
    Raises `Incompatible` for a target that has no pixels, for `skip` with a target of another size than the
    input's, and for `skip` with `latent`.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        skip: Annotated[
            bool, Field(description="Read all stages and the input image, not only the last stage.")
        ] = True,
        latent: Annotated[
            int | None, Field(ge=1, description="Width of a linear bottleneck in front; needs skip: false.")
        ] = None,
        width: Annotated[int, Field(ge=1, description="Channels at half resolution.")] = 16,
        depth: Annotated[int, Field(ge=1, description="Hidden 3 x 3 convolutions at half resolution.")] = 2,
    ) -> None:
        super().__init__()
        reason = _refusal(spec, skip, latent)
        if reason is not None:
            raise Incompatible(reason)
        channels, *size = spec.target.output_shape
        self.skip = skip
        self._narrow = latent is not None
        self.residual = skip and _is_pixels(spec)
        self.size = (size[0], size[1])
        grid = (-(-size[0] // 2), -(-size[1] // 2))
        if skip:
            self.sources = nn.ModuleList(_skip_source(stage, width, grid) for stage in spec.stages)
            self.image_source = _MapSource(FeatureSpec(*spec.image.shape), width, grid, reach=1)
        else:
            self.sources = nn.ModuleList([_only_source(spec.stages[-1], latent, width, grid)])
        # ELU, since a wide ReLU trunk was seen to die under the first large steps of a young encoder.
        layers: list[nn.Module] = [ELU()]
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, padding=1), ELU()]
        last = nn.Conv2d(width, 4 * channels, 3, padding=1)
        self.trunk = nn.Sequential(*layers, last, nn.PixelShuffle(2))
        if skip:
            _quieten(self.sources)
        if self.residual:
            _quieten(last)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why neither an image nor a map can be drawn there, or None."""
        return _refusal(spec, skip=True, latent=None)

    def bottleneck(self) -> nn.Module | None:
        if not self._narrow:
            return None
        source = self.sources[0]
        assert isinstance(source, nn.Sequential)
        return source[1]

    def forward(self, features: Features) -> Tensor:
        stages = features.stages if self.skip else features.stages[-1:]
        sources = [source(stage) for source, stage in zip(self.sources, stages, strict=True)]
        if self.skip:
            sources.append(self.image_source(features.image))
        total = sources[-1]
        for source in sources[:-1]:
            total = total + source
        drawn: Tensor = self.trunk(total)[:, :, : self.size[0], : self.size[1]]
        return features.image - drawn if self.residual else drawn


def _refusal(spec: HeadSpec, skip: bool, latent: int | None) -> str | None:
    if reason := refuse_no_pixels(spec.target):
        return reason
    if skip and latent is not None:
        return "a latent bottleneck needs skip: false, else the image passes around it"
    wanted, given = spec.target.output_shape[1:], (spec.image.height, spec.image.width)
    if skip and wanted != given:
        return f"drawing {wanted[0]} x {wanted[1]} from an image of {given[0]} x {given[1]} needs skip: false"
    return None


def _is_pixels(spec: HeadSpec) -> bool:
    """Whether the answer is the pixel values of an image like the one that is read."""
    target = spec.target
    return isinstance(target, Image) and target.link == "identity" and target.output_shape == spec.image.shape


def _quieten(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(QUIET)


def _skip_source(stage: FeatureSpec, width: int, grid: Size) -> nn.Module:
    if stage.is_map:
        return _MapSource(stage, width, grid)
    # A vector among other sources only has to say what is in the image, not where.
    return nn.Sequential(nn.Linear(stage.size, width), nn.Unflatten(1, (width, 1, 1)))


def _only_source(stage: FeatureSpec, latent: int | None, width: int, grid: Size) -> nn.Module:
    if stage.is_map and latent is None:
        return _MapSource(stage, width, grid)
    layers: list[nn.Module] = [nn.Flatten()]
    size = stage.size
    if latent is not None:
        layers.append(nn.Linear(size, latent))
        size = latent
    small = FeatureSpec(width, -(-grid[0] // 2), -(-grid[1] // 2))
    layers += [nn.Linear(size, small.size), nn.Unflatten(1, small.shape), nn.ReLU()]
    return nn.Sequential(*layers, _MapSource(small, width, grid))


class _MapSource(nn.Module):
    """Brings a map `[B, c, h, w]` to `[B, width, *grid]`: one convolution, then stretching where it is small.

    A map finer than the grid is cut into patches, one per grid cell; `reach` is how many neighbouring
    patches the convolution sees on each side.
    """

    def __init__(self, form: FeatureSpec, width: int, grid: Size, reach: int = 0) -> None:
        super().__init__()
        assert form.height is not None
        assert form.width is not None
        high, wide = -(-form.height // grid[0]), -(-form.width // grid[1])
        self.grid = grid
        self.missing = (
            0,
            wide * grid[1] - form.width if wide > 1 else 0,
            0,
            high * grid[0] - form.height if high > 1 else 0,
        )
        around = 2 * reach + 1
        self.convolution = nn.Conv2d(
            form.channels, width, (around * high, around * wide), (high, wide), (reach * high, reach * wide)
        )

    def forward(self, features: Tensor) -> Tensor:
        if any(self.missing):
            features = F.pad(features, self.missing)
        features = self.convolution(features)
        if features.shape[-2:] != self.grid:
            features = F.interpolate(features, self.grid, mode="bilinear")
        return features
