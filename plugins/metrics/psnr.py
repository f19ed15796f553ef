"""The peak signal-to-noise ratio."""

from __future__ import annotations

from typing import Literal

from ...core.contracts import Form
from ..forms import Image
from .adapter import Adapter


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
        super().__init__(target, "torchmetrics.image:PeakSignalNoiseRatio", data_range=1.0)
