"""Small optimisation problems over tasks, solved by going through all sets of tasks at once.

Where the solution of a convex problem under linear inequalities lies, some of them hold as equations; which,
is not known. Each set of tasks is tried, with the others left out: a system of equations each, all solved
together. Its answer, put inside the bounds, is a candidate; the best of these is the solution. Nothing is
read back from the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 6
"""Tasks, beyond which there would be too many sets of them."""

_RIDGE = 1e-12
"""Added to ones on a diagonal: gradients along one line share what is theirs."""


def subsets(count: int, device: torch.device) -> Tensor:
    """Return all sets of so many tasks, bool `[2 ** T, T]`, the empty one first.

    >>> subsets(2, torch.device("cpu")).int().tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    numbers, tasks = (torch.arange(size, device=device) for size in (2**count, count))
    return (numbers[:, None] >> tasks & 1).bool()


def within(matrices: Tensor, chosen: Tensor) -> Tensor:
    """Return `[S, T, T]`: of a symmetric matrix, or one for each set, the rows and columns of every set.

    The others have a one on the diagonal.
    """
    both = chosen[:, :, None] & chosen[:, None, :]
    units = torch.eye(chosen.shape[1], dtype=matrices.dtype, device=matrices.device)
    return torch.where(both, matrices, 0.0) + units * torch.where(chosen, _RIDGE, 1.0)[:, None]


def cheapest(candidates: Tensor, costs: Tensor) -> Tensor:
    """Return of candidates `[S, ..., T]` those of least cost; costs are `[S, ...]`.

    >>> cheapest(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([torch.nan, 2.0])).tolist()
    [0.0, 1.0]
    """
    place = costs.nan_to_num(nan=torch.inf).argmin(dim=0, keepdim=True)[..., None]
    return candidates.gather(0, place.expand(1, *candidates.shape[1:]))[0]
