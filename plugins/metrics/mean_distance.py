"""How far points are off."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .point_metric import PointMetric, distances


class MeanDistance(PointMetric):
    """The mean distance of visible points from where they are, in sizes of the image."""

    direction: Literal["higher", "lower"] | None = "lower"
    bounds = (0.0, 2**0.5)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of points."""
        distance = distances(prediction, target)
        self.add(distance.nansum(), (~distance.isnan()).sum())
