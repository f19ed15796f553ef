"""The structural similarity index."""

from __future__ import annotations

from typing import Literal

from ...core.contracts import Form
from ..forms import Image
from .adapter import Adapter
from .similarity import REACH, Similarity


class Ssim(Adapter):
    """The mean over images of their structural similarity, -1 to 1 (1: the same), for pixels in 0..1.

    Wang, Bovik, Sheikh, Simoncelli (2004), equation 13: Gaussian window of standard deviation 1.5 on 11 x 11
    pixels, `K1` 0.01, `K2` 0.03, images mirrored at the border.
    Raises `Incompatible` for images below 6 x 6, which cannot be mirrored that far.
    """

    direction: Literal["higher", "lower"] | None = "higher"
    bounds = (-1.0, 1.0)
    forms = (Image,)
    refusal = "needs an image, got a {} answer"

    def __init__(self, target: Form) -> None:
        super().__init__(target, Similarity)

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for images of at least 6 x 6 pixels, else the reason."""
        if isinstance(target, Image) and min(target.height, target.width) <= REACH:
            return f"needs an image of at least 6 x 6, got {target.height} x {target.width}"
        return super().accepts(target)
