"""The weights at which every task gains by a power of its weight: bargains, and fair divisions."""

from __future__ import annotations

import torch
from torch import Tensor

from .elimination import solve

_ROUNDS = 24
_SETTLED = 1e-12
_FARTHEST = 2.0
"""How far the logarithm of a weight goes in a round."""


def fair_weights(matrix: Tensor, sides: Tensor, power: float) -> Tensor:
    """Return the positive `x` `[T]` with `matrix @ x == sides * x ** -power`.

    The matrix `[T, T]` is positive definite. Newton's steps for the logarithms of `x`, cut in length, from 0,
    which is right for the diagonal matrix of `sides`. Ordinary gradients take about five, nearly opposite
    ones up to twenty; there are always as many, but that a CPU, where a look costs nothing, stops when
    nothing is left to do.

    >>> matrix = torch.tensor([[1.0, -0.75], [-0.75, 1.0]], dtype=torch.float64)
    >>> [round(x, 6) for x in fair_weights(matrix, matrix.diagonal(), 1.0).tolist()]
    [2.0, 2.0]
    """
    found = torch.ones_like(sides)
    for _ in range(_ROUNDS):
        gains = sides * found**-power
        missing = gains - matrix @ found
        if matrix.device.type == "cpu" and bool((missing / gains).abs().amax() < _SETTLED):
            break
        step = solve(matrix * found + torch.diag(power * gains), missing[:, None])[:, 0]
        found = found * (step * (_FARTHEST / step.abs().amax()).clamp(max=1.0)).exp()
    return found
