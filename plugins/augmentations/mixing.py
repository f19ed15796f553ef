"""What augmentations that make one image of two have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from scipy.special import betaincinv
from torch import Tensor

from ...core.base.errors import Incompatible
from ...core.contracts import Augmentation
from ...core.contracts.batch import Batch, Mixture
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec
from .decisions import Probability, chosen

_POINTS = 1025
"""Quantiles of the distribution of shares that are kept; between them it is straight."""

AlphaOption = Annotated[
    float,
    Field(gt=0.0, le=100.0, description="Shares are of Beta(alpha, alpha): 1 is even, less is extreme."),
]


ShareOption = Annotated[Probability, Field(description="Probability that an image is mixed.")]


class Mixing(Augmentation):
    """Makes one image of a sample and of its partner: the batch in reverse order, which is random by itself.

    Labels stay those of the sample, with what its partner's count for beside them (`Batch.mixture`). Shares
    are drawn per sample. Raises `Incompatible` for a data set with vectors, which cannot be mixed.
    """

    mixes = True

    def __init__(self, dataset: DatasetSpec, *, alpha: AlphaOption, probability: Probability) -> None:
        super().__init__(dataset)
        if dataset.inputs:
            raise Incompatible("mixes images, and the data set has vectors that belong to them")
        self.alpha = alpha
        self.probability = probability
        quantiles = betaincinv(alpha, alpha, torch.linspace(0.0, 1.0, _POINTS).double().numpy())
        self._quantiles = {torch.device("cpu"): torch.from_numpy(quantiles).float()}

    def reads(self, rows: Tensor, count: int) -> Tensor:
        # The rows and their partners: in reverse order partners stand in each other's place again.
        read: Tensor = torch.cat([rows, count - 1 - rows]).unique()
        return read

    def shares(self, random: Random) -> Tensor:
        """Return how much of each image is its own, float32 `[B]`; 1 where nothing is mixed."""
        acts, place = chosen(random, self.probability), random.uniform() * (_POINTS - 1)
        table = self._table(place.device)
        low = place.floor().clamp(max=_POINTS - 2)
        below, above = table[low.long()], table[low.long() + 1]
        return torch.where(acts, below + (above - below) * (place - low), 1.0)

    def _table(self, device: torch.device) -> Tensor:
        # Made once for a device: a copy to it in every step would be waited for.
        if device not in self._quantiles:
            self._quantiles[device] = self._quantiles[torch.device("cpu")].to(device)
        return self._quantiles[device]


def partner_of(value: Tensor) -> Tensor:
    """Return the rows of the samples' partners, `[B, ...]`."""
    return value.flip(0)


def mixed(batch: Batch, image: Tensor, share: Tensor, labels: Mapping[str, Tensor] | None = None) -> Batch:
    """Return the batch of mixed images, of which `share` `[B]` is the sample's own."""
    partner = partner_of(torch.arange(len(share), device=share.device))
    labels = batch.labels if labels is None else labels
    return replace(batch, image=image, labels=labels, mixture=Mixture(partner, share))
