"""Whether it is told right which points are visible."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .point_metric import PointMetric, visible


class Visibility(PointMetric):
    """The share of points of which it is told right whether they are visible, at one half."""

    direction: Literal["higher", "lower"] | None = "higher"
    bounds = (0.0, 1.0)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of points."""
        right = (prediction[..., 2] >= 0.5) == visible(target)
        self.add(right.sum(), (right | True).sum())
