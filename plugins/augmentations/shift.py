"""Shifted images."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field

from ...core.batch import Batch
from ...core.contracts import Augmentation
from ...core.errors import Incompatible
from ...core.randomness import Random
from ...core.specs import DatasetSpec
from .decisions import with_image


class Shift(Augmentation):
    """Pads images on every side and crops them at a random place: a shift by up to `padding` pixels each way.

    The random crop of He et al. (2016), "Deep Residual Learning". Raises `Incompatible` when the padding is
    not smaller than the image.
    """

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

        rows = random.integers(2 * padding + 1).unsqueeze(1) + steps(height)
        columns = random.integers(2 * padding + 1).unsqueeze(1) + steps(width)
        moved = padded[
            steps(count)[:, None, None, None],
            steps(channels)[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]
        return with_image(batch, moved)
