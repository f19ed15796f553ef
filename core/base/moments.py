"""Mean and deviation of values that come in parts, without holding them."""

from __future__ import annotations

import torch
from torch import Tensor


class Moments:
    """Counts of `count` values each: how many are known, their mean, deviation, lowest and highest.

    Parts are joined exactly up to float64 rounding (Chan, Golub, LeVeque 1983), whatever their sizes.

    >>> moments = Moments(1)
    >>> for part in ([[10.0], [float("nan")]], [[30.0]]):
    ...     moments.add(torch.tensor(part))
    >>> moments.mean.tolist(), moments.std.tolist()
    ([20.0], [10.0])
    """

    def __init__(self, count: int) -> None:
        self.number = torch.zeros(count, dtype=torch.float64)
        self.mean = torch.zeros(count, dtype=torch.float64)
        self._squares = torch.zeros(count, dtype=torch.float64)
        self._lowest = torch.full((count,), torch.inf, dtype=torch.float64)
        self._highest = torch.full((count,), -torch.inf, dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """Add values `[N, count, ...]`; NaN is not known."""
        rows = values.detach().transpose(0, 1).flatten(1).cpu().double()
        known = ~rows.isnan()
        number = known.sum(dim=1).double()
        mean = rows.nansum(dim=1) / number.clamp(min=1)
        squares = (rows - mean[:, None]).square().nansum(dim=1)
        total = self.number + number
        share = number / total.clamp(min=1)
        apart = mean - self.mean
        self._squares += squares + apart.square() * self.number * share
        self.mean += apart * share
        self.number = total
        self._lowest = torch.minimum(self._lowest, rows.nan_to_num(nan=torch.inf).amin(dim=1))
        self._highest = torch.maximum(self._highest, rows.nan_to_num(nan=-torch.inf).amax(dim=1))

    @property
    def std(self) -> Tensor:
        """The deviation of each value, over how many there are."""
        return (self._squares / self.number.clamp(min=1)).sqrt()

    @property
    def constant(self) -> Tensor:
        """Whether each value is the same wherever it is known, bool `[count]`."""
        return self._lowest >= self._highest
