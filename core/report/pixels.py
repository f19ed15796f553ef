"""Pictures of pixels, inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .markup import Html, tag

Bytes = NDArray[np.uint8]


def to_bytes(image: NDArray[Any]) -> Bytes:
    """Return pixels in 0..1 as uint8, same shape; values outside are clipped, NaN is black."""
    finite = np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0)
    return np.asarray(np.rint(finite.clip(0.0, 1.0) * 255), dtype=np.uint8)


def picture(image: Bytes, *, alt: str, limit: int = 96) -> Html:
    """Return uint8 `[C, H, W]` as an image; channels other than 1 or 3 are averaged.

    A side longer than `limit` pixels is made smaller, so that the page stays small. An image without pixels
    is nothing.
    """
    if image.size == 0:
        return Html("")
    if image.shape[0] not in (1, 3):
        image = np.rint(image.mean(axis=0, keepdims=True)).astype(np.uint8)
    drawn = Image.fromarray(
        image[0] if image.shape[0] == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    )
    longest = max(drawn.size)
    if longest > limit:
        size = tuple(max(1, round(side * limit / longest)) for side in drawn.size)
        drawn = drawn.resize((size[0], size[1]), Image.Resampling.BOX)
    return tag(
        "img", src=png_address(drawn), alt=alt, width=drawn.width, height=drawn.height, class_="pixels"
    )


def png_address(drawn: Image.Image) -> str:
    """Return an image as a data address."""
    stream = io.BytesIO()
    drawn.save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
