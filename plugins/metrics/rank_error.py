"""How many ranks answers are off."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from ..forms import Ordinal
from .adapter import Adapter


class RankError(Adapter):
    """The mean distance of the most probable class from the right one, in ranks.

    Raises `Incompatible` unless classes have an order.
    """

    forms = (Ordinal,)
    refusal = "needs classes in order, got a {} answer"

    def __init__(self, target: Form) -> None:
        super().__init__(target, "torchmetrics:MeanAbsoluteError")
        self.bounds = (0.0, float(target.output_shape[0] - 1))

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add probabilities `[B, K]` and the right classes, int64 `[B]`."""
        super().update(prediction.argmax(dim=1).float(), target.float())
