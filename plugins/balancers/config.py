"""The direction with the same angle to every task's gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .eigenvectors import eigenvectors
from .gradient_balancer import GradientBalancer, On
from .gramian import Gramian

_NOISE = 1e-6


class ConflictFree(GradientBalancer):
    """ConFIG (Liu, Chu, Thuerey 2024, equations 2 and 3): equal cosines with all gradients.

    Its length is the sum of the gradients' projections on it. With `U` the gradients of length 1, it points
    along `pinv(U) 1 = U^T pinv(U U^T) 1`, a weighted sum of the gradients, found from their Gramian.
    """

    def __init__(self, tasks: Sequence[str], *, on: On = "parameters") -> None:
        super().__init__(tasks, on)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.solved(gradients, equal_angles)


def equal_angles(gramian: Gramian) -> Tensor:
    """Return the weights `[T]`.

    >>> from .gramian import gramian_of
    >>> [round(x, 4) for x in equal_angles(gramian_of(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))).tolist()]
    [0.75, 1.5]
    """
    there = gramian.there
    cosines = torch.where(there, gramian.cosines, 0.0)
    values, vectors = eigenvectors(cosines)
    # Below this, a singular value is what float32 gradients are wrong by.
    inverse = torch.where(values > _NOISE * values.amax(), 1.0 / values, 0.0)
    alike = vectors @ (inverse * (there.to(values) @ vectors))
    turned = cosines @ alike
    length = (alike @ turned).clamp(min=0.0).sqrt()
    projections = (turned @ gramian.lengths) / length
    return torch.where(length > _NOISE, projections * alike / (gramian.lengths * length), 0.0)
