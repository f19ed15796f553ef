"""Images turned by a few degrees."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field

from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.warp import Warp, warp_labels


class Rotate(Augmentation):
    """Turns each image about its centre by an angle drawn evenly from `-degrees..degrees`.

    Bilinear interpolation; what comes from outside the image is black. Labels of pixels turn with them, each
    taken from the nearest, and are absent outside; others stay: the angle is too small to turn one direction
    into another.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        degrees: Annotated[float, Field(gt=0.0, lt=45.0, description="Largest angle, in degrees.")] = 5.0,
    ) -> None:
        super().__init__(dataset)
        self.degrees = degrees

    def __call__(self, batch: Batch, random: Random) -> Batch:
        image = batch.image
        angle = (2.0 * random.uniform() - 1.0) * math.radians(self.degrees)
        cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        # Grid coordinates run from -1 to 1 along both sides, so an oblong image needs its aspect ratio.
        aspect = image.shape[-2] / image.shape[-1]
        rows = (cosine, -sine * aspect, zero, sine / aspect, cosine, zero)
        matrix = torch.stack(rows, dim=1).view(-1, 2, 3)
        grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
        turned = F.grid_sample(image, grid, align_corners=False).clamp(0.0, 1.0)
        return replace(batch, image=turned, labels=warp_labels(batch, Warp(matrix), self.dataset))
