"""Systems of a few equations, many at once, solved without reading back whether that went well."""

from __future__ import annotations

import torch
from torch import Tensor


def solve(matrices: Tensor, right: Tensor) -> Tensor:
    """Return `X` `[..., T, R]` with `matrices @ X == right`, for positive definite matrices `[..., T, T]`.

    Gauss and Jordan's elimination along the diagonal, which for such matrices is stable and indifferent to
    the scales of rows and columns. A singular matrix gives what is not finite, or large. torch's own solvers
    copy to the CPU whether they found a solution, and none may do so inside a CUDA graph.

    >>> solve(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([[3.0], [0.0]])).flatten().tolist()
    [2.0, -1.0]
    """
    count = matrices.shape[-1]
    both = torch.cat([matrices, right], dim=-1)
    units = torch.eye(count, dtype=torch.bool, device=both.device)
    for place in range(count):
        row = (both[..., place, :] / both[..., place, place, None])[..., None, :]
        rest = torch.addcmul(both, both[..., :, place, None], row, value=-1)
        both = torch.where(units[place][:, None], row, rest)
    return both[..., count:]
