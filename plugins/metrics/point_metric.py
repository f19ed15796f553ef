"""What the metrics of named points have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Metric
from ..forms import Points


class PointMetric(Metric):
    """A quotient of two sums over points; a subclass adds to both. Distances are in the image's own sizes.

    A distance of 0.1 is a tenth of the image's width across, and a tenth of its height upright. Raises
    `Incompatible` for targets that are no points.
    """

    total: Tensor
    count: Tensor

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self.reset()

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for points, else the reason."""
        return None if isinstance(target, Points) else f"needs points, got a {target.form} answer"

    def add(self, total: Tensor, count: Tensor) -> None:
        """Add a batch's sum and how many points it is of."""
        # Sums in double precision do not depend on how the samples are cut into batches.
        self.total = self.total + total.double()
        self.count = self.count + count.double()

    def compute(self) -> Tensor:
        """Return the quotient over everything added; NaN where there was nothing."""
        return self.total / self.count

    def reset(self) -> None:
        """Forget everything added."""
        self.total = torch.zeros((), dtype=torch.float64)
        self.count = torch.zeros((), dtype=torch.float64)


def visible(target: Tensor) -> Tensor:
    """Return which points of targets `[B, K, 2]` are visible, bool `[B, K]`."""
    return ~target.isnan().any(dim=-1)


def distances(prediction: Tensor, target: Tensor) -> Tensor:
    """Return how far predicted points `[B, K, 3]` are from right ones, `[B, K]`; NaN for invisible ones."""
    return (prediction[..., :2] - target).square().sum(dim=-1).sqrt()
