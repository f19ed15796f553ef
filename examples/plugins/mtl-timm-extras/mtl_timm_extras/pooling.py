"""From a map `[B, C, H, W]` to a vector `[B, copies * C]`."""

import torch
from torch import Tensor, nn

LEAST = 1e-6
"""Below it a number counts as this much: only powers of positive numbers are taken."""


class GeneralisedMean(nn.Module):
    """The p-th root of the mean of p-th powers of each channel (Radenovic, Tolias and Chum, 2018).

    The mean for p = 1, the maximum as p grows; it begins with 3 and is learned.
    """

    copies = 1

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor([3.0]))

    def forward(self, features: Tensor) -> Tensor:
        return features.clamp(min=LEAST).pow(self.p).mean((2, 3)).pow(1.0 / self.p)


class Maximum(nn.Module):
    """The largest number of each channel."""

    copies = 1

    def forward(self, features: Tensor) -> Tensor:
        return features.amax((2, 3))


class MeanAndMaximum(nn.Module):
    """The mean of each channel, and beside these the largest numbers."""

    copies = 2

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)


POOLS = {"generalised-mean": GeneralisedMean, "maximum": Maximum, "mean-and-maximum": MeanAndMaximum}
