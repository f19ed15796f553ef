"""Weights from learned uncertainties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer
from . import torchjd_adapter as torchjd


class Uncertainty(Balancer):
    """Homoscedastic uncertainty (Kendall, Gal, Cipolla 2018, equation 7 with s = log sigma^2).

    Minimises `sum_t 0.5 exp(-s_t) L_t + 0.5 s_t`; the `s` are trained with the model, by the recipe's
    optimizer. The weights are `0.5 exp(-s)` and count for whole losses. Losses must not be negative: `s`
    would fall for ever. Through torchjd.

    >>> import torch
    >>> Uncertainty(["a", "b"]).weights(torch.tensor([1.0, 4.0]), None).tolist()
    [0.5, 0.5]
    """

    needs_positive_losses = True

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        start: Annotated[float, Field(description="The `s` of every task at the start.")] = 0.0,
    ) -> None:
        super().__init__(tasks)
        self.objective = torchjd.uncertainty(len(self.tasks))
        with torch.no_grad():
            for parameter in self.objective.parameters():
                parameter.fill_(start)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torchjd.slopes(self.objective, losses)

    def own_loss(self, losses: Tensor, gradients: Tensor | None) -> Tensor | None:
        return torchjd.learned(self.objective, losses, self.present)
