"""Images with a rectangle missing."""

from __future__ import annotations

import math
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

_Share = Annotated[float, Field(gt=0.0, le=1.0)]
_Positive = Annotated[float, Field(gt=0.0)]


class Erase(Augmentation):
    """Paints a random rectangle of an image in one grey.

    Zhong et al. (2020), "Random Erasing Data Augmentation". The area is drawn evenly from `area` (shares of
    the image), the height over the width log-evenly from `aspect`, the place evenly; sides are rounded to
    whole pixels, at least 1 and at most the image's.
    Raises `Incompatible` when a range is not in ascending order.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        probability: Annotated[Probability, Field(description="Probability of a rectangle.")] = 0.5,
        area: Annotated[
            tuple[_Share, _Share], Field(description="Smallest and largest share of the image.")
        ] = (0.02, 0.33),
        aspect: Annotated[
            tuple[_Positive, _Positive], Field(description="Smallest and largest height over width.")
        ] = (0.3, 3.3),
        fill: Annotated[float, Field(ge=0.0, le=1.0, description="Grey of the rectangle; 0 is black.")] = 0.0,
    ) -> None:
        super().__init__(dataset)
        for name, (low, high) in {"area": area, "aspect": aspect}.items():
            if low > high:
                raise Incompatible(f"option `{name}` must be in ascending order, got {low}, {high}")
        self.probability = probability
        self.area = area
        self.aspect = aspect
        self.fill = fill

    def __call__(self, batch: Batch, random: Random) -> Batch:
        height, width = batch.image.shape[-2:]
        acts = chosen(random, self.probability)
        pixels = between(self.area, random.uniform()) * (height * width)
        ratio = between((math.log(self.aspect[0]), math.log(self.aspect[1])), random.uniform()).exp()
        rows = span((pixels * ratio).sqrt(), height, random.uniform())
        columns = span((pixels / ratio).sqrt(), width, random.uniform())
        inside = rows[:, None, :, None] & columns[:, None, None, :]
        return with_image(batch, batch.image.masked_fill(inside, self.fill), acts)


def between(bounds: tuple[float, float], share: Tensor) -> Tensor:
    """Return the numbers that lie at `share` (0..1) of the way from the lower bound to the upper."""
    return bounds[0] + (bounds[1] - bounds[0]) * share


def span(length: Tensor, size: int, place: Tensor) -> Tensor:
    """Return bool `[B, size]`: a run of `length` `[B]` pixels, rounded, 1 to size.

    `place` `[B]` in [0, 1) says where it is, from the first position to the last.

    >>> span(torch.tensor([2.2]), 4, torch.tensor([0.99])).tolist()
    [[False, False, True, True]]
    """
    length = length.round().clamp(1, size)
    start = (place * (size - length + 1)).floor().clamp(max=size - 1).unsqueeze(1)
    position = torch.arange(size, device=length.device)
    return (position >= start) & (position < start + length.unsqueeze(1))
