"""Shifted images."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.warp import Warp, warp_labels


class Shift(Augmentation):
    """Pads images on every side and crops them at a random place: a shift by up to `padding` pixels each way.

    The random crop of He et al. (2016), "Deep Residual Learning". Labels of pixels shift with them, and are
    absent where zeros are added. Raises `Incompatible` when the padding is not smaller than the image.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        padding: Annotated[int, Field(ge=1, description="Pixels added on every side.")] = 4,
        fill: Annotated[
            Literal["zeros", "reflect"], Field(description="What is added: black, or the image mirrored.")
        ] = "zeros",
    ) -> None:
        super().__init__(dataset)
        smaller = min(dataset.image.height, dataset.image.width)
        if padding >= smaller:
            raise Incompatible(f"option `padding` must be below the image's size {smaller}, got {padding}")
        self.padding = padding
        self.fill = fill

    def __call__(self, batch: Batch, random: Random) -> Batch:
        image, padding = batch.image, self.padding
        mode = "reflect" if self.fill == "reflect" else "constant"
        padded = F.pad(image, (padding, padding, padding, padding), mode=mode)
        count, channels, height, width = image.shape

        def steps(size: int) -> torch.Tensor:
            return torch.arange(size, device=image.device)

        down, right = random.integers(2 * padding + 1), random.integers(2 * padding + 1)
        rows = down.unsqueeze(1) + steps(height)
        columns = right.unsqueeze(1) + steps(width)
        moved = padded[
            steps(count)[:, None, None, None],
            steps(channels)[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]
        warp = _shift((right - padding) * (2.0 / width), (down - padding) * (2.0 / height), mode == "reflect")
        return replace(batch, image=moved, labels=warp_labels(batch, warp, self.dataset))


def _shift(right: torch.Tensor, down: torch.Tensor, reflects: bool) -> Warp:
    """Return what brings pixels from so far right and down, `[B]` in halves of the image."""
    one, zero = torch.ones_like(right), torch.zeros_like(right)
    matrix = torch.stack([one, zero, right, zero, one, down], dim=1)
    return Warp(matrix.view(-1, 2, 3), reflects)
