"""Weights that sum to 1, among the tasks that take part in a step."""

from __future__ import annotations

import torch
from torch import Tensor


def onto_simplex(value: Tensor, there: Tensor | None = None) -> Tensor:
    """Return the Euclidean projection of `[T]` onto the weights that are not negative and sum to 1.

    With `there`, bool `[T]`, the others have weight 0. Held, Wolfe and Crowder (1974); nothing is read back
    from the device.

    >>> onto_simplex(torch.tensor([0.7, 0.7, -1.0])).tolist()
    [0.5, 0.5, 0.0]
    >>> onto_simplex(torch.tensor([0.75, 0.75, 5.0]), torch.tensor([True, True, False])).tolist()
    [0.5, 0.5, 0.0]
    """
    inside = value if there is None else torch.where(there, value, -torch.inf)
    ordered = inside.sort(descending=True).values
    excess = (ordered.cumsum(0) - 1.0) / torch.arange(1, len(value) + 1, device=value.device)
    # The excess grows while an entry stays positive, so its largest value is the right one.
    return (inside - excess.max()).clamp(min=0.0).nan_to_num()


def shares_of(values: Tensor, there: Tensor) -> Tensor:
    """Return weights `[T]` that sum to 1 among the tasks that are `there`; equal ones if these have none.

    >>> shares_of(torch.tensor([0.2, 0.2, 0.6]), torch.tensor([True, True, False])).tolist()
    [0.5, 0.5, 0.0]
    """
    chosen = torch.where(there, values, 0.0)
    total = chosen.sum()
    equal = there.to(values) / there.sum().clamp(min=1)
    return torch.where(total > 0, chosen / total.clamp(min=torch.finfo(values.dtype).tiny), equal)


def with_shares(values: Tensor, shares: Tensor, there: Tensor) -> Tensor:
    """Return `values` after the tasks that are `there` divided among them, by `shares`, what they had.

    >>> there = torch.tensor([True, True, False])
    >>> with_shares(torch.tensor([0.25, 0.25, 0.5]), torch.tensor([1.0, 0.0, 0.0]), there).tolist()
    [0.5, 0.0, 0.5]
    """
    held = torch.where(there, values, 0.0).sum()
    return torch.where(there, shares * held, values)
