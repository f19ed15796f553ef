"""Images with Gaussian noise."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ..corruptions import add_noise
from .decisions import Probability, chosen, with_image


class GaussianNoise(Augmentation):
    """Adds normal noise to images, clipped to 0..1.

    The noise becomes part of the clean image: a denoising task is asked to keep it.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        amount: Annotated[
            float, Field(ge=0.0, le=1.0, description="Standard deviation; 1 is the whole pixel range.")
        ] = 0.1,
        probability: Annotated[Probability, Field(description="Probability of noise.")] = 0.5,
    ) -> None:
        super().__init__(dataset)
        self.amount = amount
        self.probability = probability

    def __call__(self, batch: Batch, random: Random) -> Batch:
        acts = chosen(random, self.probability)
        return with_image(batch, add_noise(batch.image, "gaussian", self.amount, random), acts)
