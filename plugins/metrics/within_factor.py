"""What the shares of values within a factor of the true ones have in common."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .positive_pixels import PositivePixels

FACTOR = 1.25


class WithinFactor(PositivePixels):
    """The share of known pixels whose value and the true one are less than `1.25 ** power` apart as a ratio.

    `max(value / true, true / value) < 1.25 ** power`, the "delta" of Eigen, Puhrsch, Fergus (2014), "Depth
    Map Prediction from a Single Image using a Multi-Scale Deep Network". A value of 0 or less is never.
    """

    direction: Literal["higher", "lower"] | None = "higher"
    bounds = (0.0, 1.0)
    power: int

    def scores(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return 1 for each value that is near enough, else 0."""
        factor = FACTOR**self.power
        return ((prediction < target * factor) & (target < prediction * factor)).float()
