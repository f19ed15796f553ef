"""The peak signal-to-noise ratio."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...core.contracts import Form
from ..forms import Image
from .adapter import Adapter
from .counter import Counter


class Psnr(Adapter):
    """The peak signal-to-noise ratio in dB, `-10 log10(m)`, of images in 0..1; infinite for a perfect copy.

    `m` is the mean squared error over all pixels of all samples added: one figure for the split, independent
    of batches, and lower than the mean of each image's own ratio.

    >>> import torch
    >>> from mtl.contracts import Image
    >>> psnr = Psnr(Image(1, 2, 2))
    >>> psnr.update(torch.zeros(3, 1, 2, 2), torch.full((3, 1, 2, 2), 0.1))
    >>> round(psnr.compute().item(), 4)
    20.0
    """

    direction: Literal["higher", "lower"] | None = "higher"
    forms = (Image,)
    refusal = "needs an image, got a {} answer"

    def __init__(self, target: Form) -> None:
        super().__init__(target, _Errors)


class _Errors(Counter):
    """Squared errors of pixels."""

    total: Tensor
    pixels: Tensor

    def __init__(self) -> None:
        super().__init__(
            total=torch.zeros((), dtype=torch.float64), pixels=torch.zeros((), dtype=torch.int64)
        )

    def add(self, prediction: Tensor, target: Tensor) -> None:
        self.total.add_((prediction - target).double().square().sum())
        self.pixels.add_(prediction.numel())

    def compute(self) -> Tensor:
        return (-10.0 * torch.log10(self.total / self.pixels)).float()
