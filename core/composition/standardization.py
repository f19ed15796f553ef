"""Values in units of their own spread: what a loss compares, and the way back to the values' units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import Incompatible
from ..base.moments import Moments
from ..contracts import Form, Loss
from ..recipe.recipe import Statistics


class Standardization(nn.Module):
    """Subtracts a mean and divides by a standard deviation per value, both part of the model's state.

    Values are `[B, count]`, or `[B, count, ...]` with so many `dimensions` behind: one mean and deviation for
    all pixels.

    >>> standardization = Standardization(1)
    >>> standardization.fit(torch.tensor([[10.0], [30.0]]))
    >>> standardization(torch.tensor([[40.0]])).tolist()
    [[2.0]]
    >>> standardization.restore(torch.tensor([[2.0]])).tolist()
    [[40.0]]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, count: int, dimensions: int = 0) -> None:
        super().__init__()
        shape = (count, *[1] * dimensions)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def set(self, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> None:
        """Set the statistics, one of each per value; `std` must be positive."""
        self.mean.copy_(torch.as_tensor(mean, dtype=self.mean.dtype).view_as(self.mean))
        self.std.copy_(torch.as_tensor(std, dtype=self.std.dtype).view_as(self.std))

    def fit(self, values: Tensor) -> None:
        """Take the statistics of values `[N, count, ...]`, as `take` does; NaN is not known."""
        moments = Moments(len(self.mean))
        moments.add(values)
        self.take(moments)

    def take(self, moments: Moments) -> None:
        """Take the statistics of values; one that never changes keeps its scale."""
        std = moments.std
        # By comparison: the deviation of equal numbers need not be rounded to 0.
        constant = moments.constant | (std < torch.finfo(torch.float32).tiny)
        self.set(moments.mean, std.masked_fill(constant, 1.0))

    def forward(self, value: Tensor) -> Tensor:
        return (value - self.mean) / self.std

    def restore(self, standardized: Tensor) -> Tensor:
        """Return standardised values in their own units."""
        return self.mean + self.std * standardized

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        # A model that was trained before there was a standardisation answered in units.
        state_dict.setdefault(f"{prefix}mean", torch.zeros_like(self.mean))
        state_dict.setdefault(f"{prefix}std", torch.ones_like(self.std))
        super()._load_from_state_dict(state_dict, prefix, *arguments)


class StandardizedLoss(Loss):
    """A loss of values in units of their spread, from raw outputs and targets in the values' own units.

    No task drowns another one because its values are large.
    """

    def __init__(self, loss: Loss, standardization: Standardization) -> None:
        super().__init__(loss.target)
        self.loss = loss
        self.standardization = standardization

    @property
    def fits(self) -> bool:
        """Whether the loss itself reads the training targets."""
        return self.loss.fits

    def fit(self, targets: Tensor) -> None:
        """Fit the loss itself, to what it will compare."""
        here = targets.to(self.standardization.mean.device)
        self.loss.fit(self.standardization(here).to(targets.device))

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        losses: Tensor = self.loss(self.standardization(raw), self.standardization(target))
        return losses


def default_of(target: Form) -> str | None:
    """Return how a task is standardised whose recipe says nothing; None: there is nothing to standardise."""
    return "train" if target.quantities else None


def standardized(loss: Loss, stated: str | Statistics | None) -> Loss:
    """Return the loss as a recipe's `standardize` wants it; `train` is still to be fitted.

    Raises `Incompatible` when the answer has no values to standardise, or not as many as there are numbers.
    """
    target = loss.target
    if stated is None:
        return loss
    if not target.quantities:
        raise Incompatible(f"has `standardize`, which is for values; its answer is {target.form}")
    if stated == "none":
        return loss
    standardization = Standardization(target.quantities, len(target.output_shape) - 1)
    if isinstance(stated, Mapping):
        if {len(numbers) for numbers in stated.values()} != {target.quantities}:
            raise Incompatible(f"needs `standardize` with {target.quantities} means and as many stds")
        standardization.set(stated["mean"], stated["std"])
    return StandardizedLoss(loss, standardization)
