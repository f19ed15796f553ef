"""Images in other colours."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from .decisions import Probability, chosen, with_image

_GREY = (0.2989, 0.587, 0.114)
"""How much red, green and blue count for brightness, as in torchvision (ITU-R BT.601)."""


class ColourJitter(Augmentation):
    """Changes brightness, contrast, saturation and hue of colour images, in this order, clipped to 0..1 each.

    The operations of torchvision's `ColorJitter`, with factors drawn per sample: evenly from
    `1 - jitter..1 + jitter`, and the turn of the hue from `-hue..hue` of the whole circle.
    Raises `Incompatible` unless images have three channels.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        brightness: Annotated[Probability, Field(description="Jitter of the brightness factor.")] = 0.4,
        contrast: Annotated[Probability, Field(description="Jitter of the contrast factor.")] = 0.4,
        saturation: Annotated[Probability, Field(description="Jitter of the saturation factor.")] = 0.4,
        hue: Annotated[float, Field(ge=0.0, le=0.5, description="Largest turn of the hue.")] = 0.1,
        probability: Annotated[Probability, Field(description="Probability of a change.")] = 0.8,
    ) -> None:
        super().__init__(dataset)
        if dataset.image.channels != 3:
            raise Incompatible(
                f"needs images in colour, got {dataset.image.channels} channel(s): use brightness-contrast"
            )
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.probability = probability

    def __call__(self, batch: Batch, random: Random) -> Batch:
        acts = chosen(random, self.probability)
        image = (batch.image * _factor(self.brightness, random)).clamp(0.0, 1.0)
        image = _blended(image, _grey(image).mean(dim=(2, 3), keepdim=True), _factor(self.contrast, random))
        image = _blended(image, _grey(image), _factor(self.saturation, random))
        turn = self.hue * (2.0 * random.uniform(1, 1) - 1.0)
        return with_image(batch, turned_hue(image, turn) if self.hue else image, acts)


def _factor(jitter: float, random: Random) -> Tensor:
    return 1.0 + jitter * (2.0 * random.uniform(1, 1, 1) - 1.0)


def _grey(image: Tensor) -> Tensor:
    """Return the brightness of each pixel, `[B, 1, H, W]`."""
    red, green, blue = image.unbind(1)
    return (_GREY[0] * red + _GREY[1] * green + _GREY[2] * blue).unsqueeze(1)


def _blended(image: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return (other + factor * (image - other)).clamp(0.0, 1.0)


def turned_hue(image: Tensor, turn: Tensor) -> Tensor:
    """Return colours `[B, 3, H, W]` in 0..1 with their hue turned by `turn` `[B, 1, 1]` of the circle.

    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    >>> turned_hue(red, torch.tensor([[[1 / 3]]])).flatten().round(decimals=4).tolist()
    [0.0, 1.0, 0.0]
    """
    red, green, blue = image.unbind(1)
    highest, lowest = image.amax(dim=1), image.amin(dim=1)
    spread = highest - lowest
    safe = torch.where(spread > 0, spread, 1.0)
    sector = torch.where(
        highest == red,
        (green - blue) / safe,
        torch.where(highest == green, 2.0 + (blue - red) / safe, 4.0 + (red - green) / safe),
    )
    hue = (sector / 6.0 + turn) % 1.0
    # A channel is full, empty, or on a slope between, by how far the hue is from its own.
    # Made on the device: a copy to it would be waited for.
    offsets = 5.0 - 2.0 * torch.arange(3, device=image.device)
    place = (offsets.view(1, 3, 1, 1) + 6.0 * hue.unsqueeze(1)) % 6.0
    slope = torch.minimum(place, 4.0 - place).clamp(0.0, 1.0)
    return (highest.unsqueeze(1) - spread.unsqueeze(1) * slope).clamp(0.0, 1.0)
