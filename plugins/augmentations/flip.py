"""Mirrored images."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.symmetry import transform_square
from .decisions import Probability, chosen


class Flip(Augmentation):
    """Mirrors images left-right and, independently, upside down; labels with a symmetry move along."""

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        horizontal: Annotated[Probability, Field(description="Probability of a left-right mirror.")] = 0.5,
        vertical: Annotated[Probability, Field(description="Probability of an upside-down mirror.")] = 0.0,
    ) -> None:
        super().__init__(dataset)
        self.horizontal = horizontal
        self.vertical = vertical

    def __call__(self, batch: Batch, random: Random) -> Batch:
        sideways = chosen(random, self.horizontal)
        upside_down = chosen(random, self.vertical)
        # An upside-down mirror is a left-right mirror and half a turn.
        return transform_square(batch, 2 * upside_down.long(), sideways ^ upside_down, self.dataset)
