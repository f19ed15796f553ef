"""The mean relative error of values per pixel."""

from __future__ import annotations

from torch import Tensor

from .positive_pixels import PositivePixels


class RelativeError(PositivePixels):
    """The mean of `|value - true| / true` over all known pixels: "abs rel" of Eigen et al. (2014)."""

    def scores(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the relative error of each value."""
        return (prediction - target).abs() / target
