"""Images of another brightness and contrast."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from .decisions import Probability, chosen, with_image


class BrightnessContrast(Augmentation):
    """Multiplies an image, then its distance from its own mean, by random factors; clipped to 0..1.

    Each factor is drawn evenly from `1 - jitter..1 + jitter`, per sample.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        brightness: Annotated[Probability, Field(description="Jitter of the brightness factor.")] = 0.2,
        contrast: Annotated[Probability, Field(description="Jitter of the contrast factor.")] = 0.2,
        probability: Annotated[Probability, Field(description="Probability of a change.")] = 0.5,
    ) -> None:
        super().__init__(dataset)
        self.brightness = brightness
        self.contrast = contrast
        self.probability = probability

    def __call__(self, batch: Batch, random: Random) -> Batch:
        acts = chosen(random, self.probability)
        brighter = 1.0 + self.brightness * (2.0 * random.uniform(1, 1, 1) - 1.0)
        stronger = 1.0 + self.contrast * (2.0 * random.uniform(1, 1, 1) - 1.0)
        image = (batch.image * brighter).clamp(0.0, 1.0)
        mean = image.mean(dim=(1, 2, 3), keepdim=True)
        return with_image(batch, (mean + stronger * (image - mean)).clamp(0.0, 1.0), acts)
