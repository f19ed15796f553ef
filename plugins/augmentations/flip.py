"""Mirrored images."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from ...core.contracts.symmetry import transform_square
from .decisions import Probability, chosen


class Flip(Augmentation):
    """Mirrors images left-right and, independently, upside down; labels with a symmetry move along.

    With `alternating` which half of the images is mirrored left-right is drawn once, and in every epoch it is
    the other half: two epochs show each image both ways. Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on
    a Single GPU" (2024). Raises `Incompatible` when a probability is given beside it.
    """

    by_sample = True

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        horizontal: Annotated[Probability, Field(description="Probability of a left-right mirror.")] = 0.5,
        vertical: Annotated[Probability, Field(description="Probability of an upside-down mirror.")] = 0.0,
        alternating: Annotated[
            bool,
            Field(
                description="Show every image as it is in one epoch and mirrored left-right in the next.",
                json_schema_extra={"later": True},
            ),
        ] = False,
    ) -> None:
        super().__init__(dataset)
        if alternating and horizontal != 0.5:
            raise Incompatible(
                "option `alternating` mirrors every image left-right in every other epoch: "
                f"`horizontal` must stay 0.5, got {horizontal}"
            )
        self.horizontal = horizontal
        self.alternating = alternating
        self.vertical = vertical

    def __call__(self, batch: Batch, random: Random) -> Batch:
        sideways = random.alternating() if self.alternating else chosen(random, self.horizontal)
        upside_down = chosen(random, self.vertical)
        # An upside-down mirror is a left-right mirror and half a turn.
        return transform_square(batch, 2 * upside_down.long(), sideways ^ upside_down, self.dataset)
