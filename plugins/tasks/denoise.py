"""The task of restoring a clean image from a noisy one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ..corruptions import Noise, add_noise
from ..forms import Image


class Denoise(Task):
    """Adds noise to what the model sees and predicts the clean image `[B, C, H, W]` in 0..1.

    Noisy pixels are clipped to 0..1. Works on every data set, and needs no labels.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        noise: Annotated[Noise, Field(description="Kind of noise.")] = "gaussian",
        amount: Annotated[
            float,
            Field(
                ge=0.0,
                le=1.0,
                description="Strength of the noise: standard deviation (gaussian) or probability per pixel.",
            ),
        ] = 0.1,
    ) -> None:
        super().__init__(dataset)
        self.noise: Noise = noise
        self.amount = amount
        self.target_spec = Image(*dataset.image.shape)

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        """Return the noisy image, same shape, in 0..1."""
        return add_noise(image, self.noise, self.amount, random)

    def target(self, batch: Batch) -> Tensor:
        """Return the clean image, float32 `[B, C, H, W]` in 0..1."""
        return batch.image
