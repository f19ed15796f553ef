"""Images turned by a quarter."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.symmetry import transform_square
from .decisions import Probability, chosen


class Rotate90(Augmentation):
    """Turns images by 90 degrees, either way with equal chance; labels with a symmetry move along.

    Raises `Incompatible` unless images are square.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        probability: Annotated[Probability, Field(description="Probability of a turn.")] = 0.5,
    ) -> None:
        super().__init__(dataset)
        if dataset.image.height != dataset.image.width:
            raise Incompatible(f"needs a square image, got {dataset.image.height} x {dataset.image.width}")
        self.probability = probability

    def __call__(self, batch: Batch, random: Random) -> Batch:
        acts = chosen(random, self.probability)
        turns = torch.where(acts, 1 + 2 * random.integers(2), 0)
        return transform_square(batch, turns, torch.zeros_like(acts), self.dataset)
