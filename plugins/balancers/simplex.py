"""The nearest point of the probability simplex."""

from __future__ import annotations

import torch
from torch import Tensor


def onto_simplex(value: Tensor) -> Tensor:
    """Return the Euclidean projection of `[T]` onto the weights that are not negative and sum to 1.

    Held, Wolfe and Crowder (1974); nothing is read back from the device.

    >>> onto_simplex(torch.tensor([0.7, 0.7, -1.0])).tolist()
    [0.5, 0.5, 0.0]
    """
    ordered = value.sort(descending=True).values
    excess = (ordered.cumsum(0) - 1.0) / torch.arange(1, len(value) + 1, device=value.device)
    # The excess grows while an entry stays positive, so its largest value is the right one.
    return (value - excess.max()).clamp(min=0.0)
