"""Files that hold a number for every pixel: pictures whose pixels are numbers, and arrays of NumPy."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ...core.base.errors import UsageError
from .image_files import ImageFile

if TYPE_CHECKING:
    from PIL import Image

_ARRAY = b"\x93NUMPY"
"""How a file of `numpy.save` begins."""


def opened_map(file: ImageFile) -> Image.Image | None:
    """Return what a file holds, its numbers untouched; None when it is neither a picture nor an array.

    An array is `[H, W]`, or has one channel before or behind. Raises `UsageError` for one of another shape or
    type, and for more pixels than are read, and whatever its reader raises for a damaged file.
    """
    from PIL import Image, UnidentifiedImageError

    from ...core.data.pictures import FORMATS, LARGEST

    content = file.read()
    if content.startswith(_ARRAY):
        return _of_array(content, file.name, LARGEST)
    try:
        opened = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        return None
    if opened.width * opened.height > LARGEST:
        raise UsageError(
            f"{file.name}: has {opened.width} x {opened.height} pixels; at most {LARGEST:,} are read"
        )
    return opened


def _of_array(content: bytes, name: str, most: int) -> Image.Image:
    from PIL import Image

    stream = BytesIO(content)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = header(stream)
    sides = tuple(side for side in shape if side != 1) if len(shape) == 3 else shape
    if len(sides) != 2 or kind.kind not in "buif":
        raise UsageError(
            f"{name}: is an array {list(shape)} of {kind}, expected numbers [height, width]",
            hint="save one number per pixel: numpy.save(path, depth.astype('float32'))",
        )
    if sides[0] * sides[1] > most:
        raise UsageError(f"{name}: has {sides[1]} x {sides[0]} pixels; at most {most:,} are read")
    # The shape is known to be small; what the file lacks of it, NumPy refuses.
    values = np.load(BytesIO(content), allow_pickle=False).reshape(sides)
    # Whole numbers that a byte holds are classes, -1 being no label (255), whatever they were saved in.
    if kind.kind != "f" and values.size and values.min() >= -1 and values.max() <= 255:
        return Image.fromarray(values.astype(np.uint8))
    return Image.fromarray(values.astype(np.float32))
