"""How a raw vector becomes what encoders see: a fixed part of the model, and so of the exported file."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..contracts.inputs import VectorSpec

# A number that varies by less counts as constant: divided by it, an ordinary value would leave float32.
LEAST_DEVIATION = 1e-30


class VectorPreparation(nn.Module):
    """Standardises numbers, fills and flags holes, and makes categories one-hot; all without a parameter.

    Raw float32 `[B, width]` becomes float32 `[B, prepared]`, in the order that `VectorSpec` states. With mean
    `m` and deviation `s` of a number over the training rows that have it, `x` becomes `(x - m) / s`, a
    hole 0; `s` is 1 where it is at most 1e-7 of `m`, or 1e-30. The flag of a number is 1 in a hole, but
    always 0 where no training row has one: what that would mean was never learned. A category's place `c`
    becomes a 1 in place `c`; a hole, and whatever is no place, a 1 in the last.
    """

    mean: Tensor
    std: Tensor
    flagged: Tensor

    def __init__(self, spec: VectorSpec) -> None:
        super().__init__()
        self.spec = spec
        count = len(spec.numbers)
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("std", torch.ones(count))
        self.register_buffer("flagged", torch.zeros(count))

    def fit(self, rows: Tensor) -> None:
        """Take means, deviations and which numbers have holes from training rows `[N, width]`."""
        numbers = rows[:, : len(self.spec.numbers)].double().cpu()
        known = ~numbers.isnan()
        count = known.sum(dim=0).clamp(min=1)
        mean = numbers.nan_to_num(nan=0.0).sum(dim=0) / count
        deviation = torch.where(known, numbers - mean, 0.0).square().sum(dim=0).div(count).sqrt()
        # What float32 rounds to equal numbers must not be divided by.
        enough = deviation > (1e-7 * mean.abs()).clamp(min=LEAST_DEVIATION)
        self.mean.copy_(mean)
        self.std.copy_(torch.where(enough, deviation, 1.0))
        self.flagged.copy_(~known.all(dim=0))

    def forward(self, raw: Tensor) -> Tensor:
        count = len(self.spec.numbers)
        numbers = raw[:, :count]
        hole = numbers.isnan()
        filled = torch.where(hole, 0.0, (numbers - self.mean) / self.std)
        parts = [filled, torch.where(hole, self.flagged, 0.0)]
        for column, size in enumerate(self.spec.choices, count):
            place = raw[:, column]
            among = torch.logical_and(place >= 0, place < size - 1)
            place = torch.where(among, place, float(size - 1))
            # Comparison instead of `functional.one_hot`, which reads the values back from the device.
            parts.append((place.unsqueeze(1) == torch.arange(size, device=raw.device)).float())
        return torch.cat(parts, dim=1)
