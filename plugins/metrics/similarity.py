"""Sums of the structural similarity of images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .counter import Counter

REACH = 5
_DEVIATION = 1.5
_LUMINANCE, _CONTRAST = 0.01**2, 0.03**2


class Similarity(Counter):
    """The mean over images of Wang et al. (2004), equation 13, for pixels in 0..1; see `Ssim`."""

    total: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__(
            total=torch.zeros((), dtype=torch.float64), images=torch.zeros((), dtype=torch.int64)
        )

    def add(self, prediction: Tensor, target: Tensor) -> None:
        """Add images `[B, C, H, W]`."""
        self.total.add_(similarity(prediction, target).double().sum())
        self.images.add_(len(prediction))

    def compute(self) -> Tensor:
        """Return the mean over all images."""
        return (self.total / self.images).float()


def similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the structural similarity `[B]` of images `[B, C, H, W]`, the mean over pixels and channels."""
    moments = torch.cat([one, other, one * one, other * other, one * other])
    mean, mean_other, square, square_other, product = _blurred(moments).chunk(5)
    variance = (square - mean * mean).clamp(min=0.0) + (square_other - mean_other * mean_other).clamp(min=0.0)
    covariance = product - mean * mean_other
    upper = (2 * mean * mean_other + _LUMINANCE) * (2 * covariance + _CONTRAST)
    lower = (mean * mean + mean_other * mean_other + _LUMINANCE) * (variance + _CONTRAST)
    return (upper / lower).flatten(start_dim=1).mean(dim=1)


def _blurred(images: Tensor) -> Tensor:
    """Return images after the Gaussian window, mirrored at the border.

    As two products of matrices: a convolution of one channel takes twenty times as long on a CPU.
    """
    height, width = images.shape[-2:]
    return _window(height, images) @ images @ _window(width, images).mT


def _window(size: int, images: Tensor) -> Tensor:
    """Return the window along a side, `[size, size]`: each pixel from those around it."""
    distance = torch.arange(-REACH, REACH + 1, dtype=images.dtype, device=images.device)
    row = torch.exp(-((distance / _DEVIATION) ** 2) / 2)
    units = torch.eye(size, dtype=images.dtype, device=images.device)[:, None]
    spread = F.conv1d(F.pad(units, (REACH, REACH), mode="reflect"), (row / row.sum())[None, None])
    return spread[:, 0].mT
