"""What the metrics of ratios of values per pixel have in common."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from ..forms import PixelValues
from .adapter import Adapter


class PositivePixels(Adapter):
    """The mean of a score over all known values of all pixels and samples, for values that are above 0.

    A subclass computes `scores`. Raises `Incompatible` for other answers: a ratio to a value near 0, or of
    values of either sign, says nothing.
    """

    forms = (PixelValues,)
    refusal = "needs values per pixel that are all above 0, got a {} answer"

    def __init__(self, target: Form) -> None:
        super().__init__(target, "torchmetrics:MeanMetric")

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for values per pixel that are all above 0, else the reason."""
        if isinstance(target, PixelValues) and not target.positive:
            return "needs values per pixel that are all above 0, which the label column does not promise"
        return super().accepts(target)

    def scores(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the score of each known value `[M]`."""
        raise NotImplementedError

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of values `[B, n, H, W]`; NaN among the targets is not known."""
        known = self.target.known(target)
        self.accumulate(self.scores(prediction[known], target[known]))
