"""Weights from learned uncertainties."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...core.contracts import Balancer
from . import torchjd_adapter as torchjd


class Uncertainty(Balancer):
    """Homoscedastic uncertainty (Kendall, Gal, Cipolla 2018, equation 7 with s = log sigma^2).

    Minimises `sum_t 0.5 exp(-s_t) L_t + 0.5 s_t`; the `s`, 0 at the start, are trained with the model. The
    weights are `0.5 exp(-s)` and count for whole losses. Through torchjd.

    >>> import torch
    >>> Uncertainty(["a", "b"]).weights(torch.tensor([1.0, 4.0]), None).tolist()
    [0.5, 0.5]
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.objective = torchjd.uncertainty(len(self.tasks))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        return torchjd.slopes(self.objective, losses)

    def own_loss(self, losses: Tensor, gradients: Tensor | None) -> Tensor | None:
        return torchjd.learned(self.objective, losses)
