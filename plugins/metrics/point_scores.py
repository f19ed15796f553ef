"""How each named point does."""

from __future__ import annotations

import torch
from torch import Tensor

from .point_metric import PointMetric, distances, visible

_NEAR = (0.05, 0.1)


class PointScores(PointMetric):
    """A row for each point: how often it is visible, how far it is off, and the shares that are right."""

    scalar = False
    columns = ("visible", "mean distance", *(f"within {near:g}" for near in _NEAR), "visibility told right")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of points."""
        distance, seen = distances(prediction, target), visible(target)
        right = (prediction[..., 2] >= 0.5) == seen
        near = [(distance <= limit).sum(dim=0) for limit in _NEAR]
        shown, samples = seen.sum(dim=0), torch.full_like(seen.sum(dim=0), len(seen))
        totals = [shown, distance.nansum(dim=0), *near, right.sum(dim=0)]
        counts = [samples, *[shown] * (1 + len(_NEAR)), samples]
        self.add(torch.stack([total.double() for total in totals], dim=1), torch.stack(counts, dim=1))
