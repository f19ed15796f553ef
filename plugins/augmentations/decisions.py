"""How an augmentation decides, sample by sample, whether it acts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
"""A share of the samples, 0 to 1."""


def chosen(random: Random, probability: float) -> Tensor:
    """Return bool `[B]`, each true with the probability.

    >>> from mtl.contracts import StepRandom
    >>> chosen(StepRandom(2, "cpu", 0), 1.0).tolist()
    [True, True]
    """
    return random.uniform() < probability


def with_image(batch: Batch, image: Tensor, where: Tensor | None = None) -> Batch:
    """Return the batch with another image `[B, C, H, W]`, in the samples `where` `[B]` only if given."""
    return replace(
        batch, image=image if where is None else image.where(where[:, None, None, None], batch.image)
    )
