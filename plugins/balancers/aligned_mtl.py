"""Makes the tasks' gradients orthogonal and equally long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .eigenvectors import eigenvectors
from .gradient_balancer import GradientBalancer, On
from .gramian import Gramian

Scale = Literal["min", "median", "rmse"]


class AlignedComponents(GradientBalancer):
    """Aligned-MTL (Senushkin et al. 2023, equation 12, Algorithm 1): one singular value for all gradients.

    The aligned gradients `sigma U V^T` of `G = U S V^T` are averaged; `scale` is which singular value they
    take. From the eigenvectors of the Gramian: those of its rounding are left out.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        scale: Annotated[Scale, Field(description="The singular value all are made equal to.")] = "min",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        self.scale: Scale = scale

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return self.solved(gradients, lambda gramian: aligned(gramian, self.scale))


def aligned(gramian: Gramian, scale: Scale) -> Tensor:
    """Return the weights `[T]` of the mean of the aligned gradients."""
    squares, vectors = eigenvectors(gramian.products)
    # What is smaller is rounding, as torch.linalg.matrix_rank counts.
    kept = squares > squares.amax() * len(gramian.there) * torch.finfo(squares.dtype).eps
    target = _chosen(torch.where(kept, squares, torch.inf), kept.sum().clamp(min=1), scale)
    factors = torch.where(kept, (target / squares).sqrt(), 0.0)
    return vectors @ (factors * (gramian.mean @ vectors))


def _chosen(squares: Tensor, count: Tensor, scale: Scale) -> Tensor:
    """Return the square all are made equal to; of an even number, the median is the smaller middle one."""
    if scale == "rmse":
        return torch.where(squares < torch.inf, squares, 0.0).sum() / count
    if scale == "min":
        return squares.amin()
    return squares.sort().values.gather(0, ((count - 1) // 2).view(1))[0]
