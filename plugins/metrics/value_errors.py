"""The errors of each value."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Metric
from ..forms import Regression


class ValueErrors(Metric):
    """A row for each value: its labels, and over these the root mean squared and the mean absolute error.

    In the values' units; NaN where a value has no label. Raises `Incompatible` unless the answer is values.
    """

    bounds = (0.0, float("inf"))
    scalar = False
    columns = ("labels", "rmse", "mae")
    sums: Tensor

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        # In double precision: millions of small errors are added to a large sum.
        sums = torch.zeros(3, len(target.labels), dtype=torch.float64)
        self.register_buffer("sums", sums, persistent=False)

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for values, else the reason."""
        return None if isinstance(target, Regression) else f"needs values, got a {target.form} answer"

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of values, `[B, n]`."""
        known = self.target.known(target)
        error = (prediction - target).double().where(known, 0.0)
        self.sums += torch.stack([known.double().sum(0), error.square().sum(0), error.abs().sum(0)])

    def compute(self) -> Tensor:
        """Return the table, float64 `[n, 3]`."""
        count, squares, sizes = self.sums
        return torch.stack([count, (squares / count).sqrt(), sizes / count], dim=1)

    def reset(self) -> None:
        """Forget everything added."""
        self.sums.zero_()
