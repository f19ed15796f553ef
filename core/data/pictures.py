"""How a picture file becomes pixels, the same way in training, in prediction and in serving. No torch.

What is done is written down in `picture_pixels.py`; here is said what is wrong, and with which file.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..base.errors import UsageError
from ..base.files import reading
from ..contracts.preparation import Preparation
from ..contracts.specs import ImageSpec
from . import picture_pixels
from .picture_pixels import FORMATS as FORMATS
from .picture_pixels import HINT as HINT
from .picture_pixels import LARGEST as LARGEST
from .picture_pixels import MODES as MODES
from .picture_pixels import PictureError, Place, decoded, placed

LARGEST_FILE = 8 * LARGEST
"""Bytes of the largest file: the largest picture as it is, with four channels of 16 bits."""


def read_picture(
    content: bytes,
    name: str,
    channels: int,
    fits: Callable[[tuple[int, int]], None] | None = None,
    *,
    upright: bool = True,
) -> Image.Image:
    """Return the picture in a file's bytes, 8 bits, with 1 or 3 channels, turned as EXIF says if `upright`.

    `fits` gets its width and height before it is decoded, and may refuse it.
    Raises `UsageError` that begins with `name` when it is damaged, too large, or no picture at all.
    """
    with reading(name, "an image", hint=HINT), _named(name):
        return decoded(content, channels, upright=upright, fits=fits)


def prepared_picture(
    content: bytes, name: str, preparation: Preparation, *, resize: bool = False
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the picture in a file's bytes as a model reads it, uint8 `[C, H, W]`, and its height and width.

    The size is that of the file, before it was brought to that of the model.
    Where the preparation names no way to bring another size to that of the model, `resize` stretches it.
    Raises `UsageError` that begins with `name` as `read_picture` does, and for a size that does not fit.
    """
    image = preparation.image

    def fits(size: tuple[int, int]) -> None:
        if preparation.resize is None and size != (image.width, image.height) and not resize:
            raise UsageError(
                f"{name} is {size[0]} x {size[1]} pixels; the model reads {image.width} x {image.height}",
                hint="pass --resize",
            )

    upright = preparation.orientation == "exif"
    picture = read_picture(content, name, image.channels, fits, upright=upright)
    fits(picture.size)
    with _named(name):
        return to_pixels(picture, preparation), (picture.height, picture.width)


def to_pixels(picture: Image.Image, form: ImageSpec | Preparation) -> NDArray[np.uint8]:
    """Return a converted picture as uint8 `[C, H, W]`, brought to its size; an image's form alone stretches.

    Raises `PictureError` as `place_of` does.
    """
    preparation = form if isinstance(form, Preparation) else Preparation(form)
    found = np.empty(preparation.image.shape, dtype=np.uint8)
    write_pixels(picture, preparation, found)
    return found


def write_pixels(picture: Image.Image, preparation: Preparation, out: NDArray[np.uint8]) -> None:
    """Write what `to_pixels` returns into `out`, without a copy between."""
    place = place_of(picture.size, preparation)
    found = placed(picture, place, preparation.interpolation, preparation.fill)
    # Band by band Pillow itself parts what NumPy would reorder number by number.
    for plane, band in zip(out, found.getbands(), strict=True):
        plane[...] = np.frombuffer(found.tobytes("raw", band), np.uint8).reshape(plane.shape)


def convert_picture(opened: Image.Image, name: str, channels: int) -> Image.Image:
    """Return an opened picture, 8 bits, with 1 or 3 channels: `picture_pixels.converted` by its former name.

    For programs that import it; until mtl 0.3.
    """
    with _named(name):
        return picture_pixels.converted(opened, channels)


def place_of(size: tuple[int, int], preparation: Preparation) -> Place:
    """Return where the pixels of a picture of this width and height go; None as a way stretches."""
    image = preparation.image
    wanted = (image.width, image.height)
    return picture_pixels.place_of(size, wanted, preparation.resize or "stretch", preparation.share)


@contextmanager
def silently() -> Iterator[None]:
    """Keep back what Pillow warns of in odd files; threads share it, so it is entered once, outside them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say what is wrong with a picture after its name."""
    try:
        yield
    except PictureError as error:
        raise UsageError(f"{name}: {error}", hint=error.hint) from None
