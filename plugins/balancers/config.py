"""The direction with the same angle to every task's gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .gradient_balancer import GradientBalancer, On
from .torchjd_adapter import solved

_NOISE = 1e-6


class ConflictFree(GradientBalancer):
    """ConFIG (Liu, Chu, Thuerey 2024, equations 2 and 3): equal cosines with all gradients.

    Its length is the sum of the gradients' projections on it. With `U` the gradients of length 1, it points
    along `pinv(U) 1 = U^T pinv(U U^T) 1`, a weighted sum of the gradients, found from their Gramian.
    """

    capturable = False

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return solved(gradients, equal_angles)


def equal_angles(gramian: Tensor) -> Tensor:
    """Return the weights `[T]` for a Gramian `[T, T]`, float64.

    >>> equal_angles(torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64))
    tensor([0.7500, 1.5000], dtype=torch.float64)
    """
    lengths = gramian.diagonal().sqrt()
    cosines = gramian / lengths / lengths[:, None]
    # Below this, a singular value is what float32 gradients are wrong by.
    alike = torch.linalg.pinv(cosines, rtol=_NOISE, hermitian=True).sum(dim=1)
    length = (alike @ cosines @ alike).sqrt()
    if length <= _NOISE:
        return torch.zeros_like(alike)
    projections = (cosines @ alike / length * lengths).sum()
    weights: Tensor = projections * alike / (lengths * length)
    return weights
