"""A first layer that is not trained: filters that make the pixels of small patches uncorrelated."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 2
"""Height and width of a patch."""

_SLACK = 5e-4
"""Added to a variance before it is divided by: directions without any stay small."""


class Whitening(nn.Module):
    """A convolution of 2 x 2 patches with their principal directions, of unit variance, and their negatives.

    From `[B, C, H, W]` to `[B, 8C, H, W]`, the image repeated once at the right and at the bottom, or to
    `[B, 8C, H - 1, W - 1]` where it is not `padded`. The filters come from training images (`fit`) and stay;
    the biases are trained. Before it is fitted, filters are drawn. Source: Page, "How to
    Train Your ResNet" (2019); Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024).

    >>> Whitening(3)(torch.zeros(2, 3, 8, 8)).shape
    torch.Size([2, 24, 8, 8])
    """

    filters: Tensor
    fitted: Tensor

    def __init__(self, channels: int, *, padded: bool = True) -> None:
        super().__init__()
        self.channels, self.padded = channels, padded
        self.width = 2 * channels * SIZE * SIZE
        drawn = torch.linalg.qr(torch.randn(self.width // 2, self.width // 2)).Q
        self.register_buffer("filters", self._both(drawn))
        # Not a Python value: weights that are taken from a run bring it along.
        self.register_buffer("fitted", torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(self.width))

    def fit(self, images: Iterable[Tensor]) -> None:
        """Take the filters from normalised training images `[B, C, H, W]`, unless it has some."""
        if self.fitted.item():
            return
        total = torch.zeros(self.width // 2, self.width // 2, dtype=torch.float64)
        count = 0
        for image in images:
            patches = F.unfold(image.detach().cpu(), SIZE).transpose(0, 1).flatten(1).double()
            total += patches @ patches.T
            count += patches.shape[1]
        variances, directions = torch.linalg.eigh(total / count)
        rows = directions.T.flip(0)
        # Which way a direction points is the library's choice; here its largest number is positive.
        largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
        scaled = rows * largest.sign() / (variances.flip(0).clamp_min(0) + _SLACK).sqrt().unsqueeze(1)
        self.filters.copy_(self._both(scaled.float()))
        self.fitted.fill_(1)

    def forward(self, image: Tensor) -> Tensor:
        if self.padded:
            image = F.pad(image, (0, SIZE - 1, 0, SIZE - 1), mode="replicate")
        return F.conv2d(image, self.filters, self.bias)

    def _both(self, rows: Tensor) -> Tensor:
        return torch.cat([rows, -rows]).view(-1, self.channels, SIZE, SIZE)


def fit_whitening(stages: nn.Module, images: Iterable[Tensor]) -> None:
    """Fit the whitening among an encoder's stages, if there is one, to normalised training images."""
    first = next((part for part in stages.modules() if isinstance(part, Whitening)), None)
    if first is not None:
        first.fit(images)
