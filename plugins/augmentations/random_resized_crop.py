"""Parts of images in the size of the whole."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.warp import Warp, warp_labels
from .erase import between

_Share = Annotated[float, Field(gt=0.0, le=1.0)]
_Positive = Annotated[float, Field(gt=0.0)]


class RandomResizedCrop(Augmentation):
    """Cuts a random rectangle out of an image and stretches it to the image's size.

    The crop of Szegedy et al. (2015), "Going deeper with convolutions". The area is drawn evenly from `area`
    (shares of the image), the width over the height of the rectangle, relative to the image's, log-evenly
    from `aspect`, the place evenly; sides are at most the image's. Bilinear interpolation. Labels of pixels
    and places move along, and what falls outside is absent; others stay, whatever was cut off.
    Raises `Incompatible` when a range is not in ascending order.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        area: Annotated[
            tuple[_Share, _Share], Field(description="Smallest and largest share of the image.")
        ] = (0.35, 1.0),
        aspect: Annotated[
            tuple[_Positive, _Positive], Field(description="Smallest and largest width over height.")
        ] = (0.75, 4 / 3),
    ) -> None:
        super().__init__(dataset)
        for name, (low, high) in {"area": area, "aspect": aspect}.items():
            if low > high:
                raise Incompatible(f"option `{name}` must be in ascending order, got {low}, {high}")
        self.area = area
        self.aspect = aspect

    def __call__(self, batch: Batch, random: Random) -> Batch:
        image = batch.image
        share = between(self.area, random.uniform())
        ratio = between((math.log(self.aspect[0]), math.log(self.aspect[1])), random.uniform()).exp()
        wide, high = (share * ratio).sqrt().clamp(max=1.0), (share / ratio).sqrt().clamp(max=1.0)
        right, down = 2.0 * random.uniform() - 1.0, 2.0 * random.uniform() - 1.0
        zero = torch.zeros_like(share)
        rows = (wide, zero, right * (1.0 - wide), zero, high, down * (1.0 - high))
        matrix = torch.stack(rows, dim=1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
        cut = F.grid_sample(image, grid, padding_mode="border", align_corners=False).clamp(0.0, 1.0)
        labels = warp_labels(batch, Warp(matrix, turns=False), self.dataset)
        return replace(batch, image=cut, labels=labels)
