"""The share of points that were found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from ...core.contracts import Form
from .point_metric import PointMetric, distances


class Pck(PointMetric):
    """The percentage of correct keypoints as a share: visible points no further off than `threshold`.

    After Yang and Ramanan 2013, with the image's size in place of the object's.
    """

    direction: Literal["higher", "lower"] | None = "higher"
    bounds = (0.0, 1.0)

    def __init__(
        self,
        target: Form,
        *,
        threshold: Annotated[float, Field(gt=0, description="Distance in sizes of the image.")] = 0.1,
    ) -> None:
        super().__init__(target)
        self.threshold = threshold

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of points."""
        distance = distances(prediction, target)
        self.add((distance <= self.threshold).sum(), (~distance.isnan()).sum())
