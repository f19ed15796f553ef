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

_COLOURS = 48
_LARGE = 128
"""Pixels of the longer side of a picture that is not enlarged."""


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
    drawn = _shrunk(image, limit)
    return tag(
        "img", src=png_address(drawn), alt=alt, width=drawn.width, height=drawn.height, class_=_kind(drawn)
    )


def in_few_colours(image: Bytes, limit: int) -> Bytes:
    """Return uint8 `[C, H, W]` as `[3, h, w]` of few colours and at most `limit` pixels a side: few bytes."""
    drawn = _shrunk(image, limit).convert("RGB").quantize(_COLOURS).convert("RGB")
    return np.ascontiguousarray(np.asarray(drawn).transpose(2, 0, 1))


def _shrunk(image: Bytes, limit: int) -> Image.Image:
    if image.shape[0] not in (1, 3):
        image = np.rint(image.mean(axis=0, keepdims=True)).astype(np.uint8)
    planes = image[0] if image.shape[0] == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    drawn = Image.fromarray(planes)
    longest = max(drawn.size)
    if longest <= limit:
        return drawn
    width, height = (max(1, round(side * limit / longest)) for side in drawn.size)
    return drawn.resize((width, height), Image.Resampling.BOX)


def _kind(drawn: Image.Image) -> str | None:
    """Return the class of pictures that are shown larger than they are, pixel by pixel."""
    return "pixels" if max(drawn.size) < _LARGE else None


def png_address(drawn: Image.Image) -> str:
    """Return an image as a data address."""
    stream = io.BytesIO()
    drawn.save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
