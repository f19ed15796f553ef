"""Reads many small image files into one uint8 array, each problem naming its file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UsageError
from ...core.specs import ImageSpec

_CHUNK = 256
_DAMAGED = "replace the file by an intact image, or remove it"


@dataclass(frozen=True)
class ImageFile:
    """An image somewhere: the name to show in messages, and how to read its bytes."""

    name: str
    read: Callable[[], bytes]


def image_size(file: ImageFile) -> tuple[int, int]:
    """Return `(height, width)` of an image file; raise `UsageError` when it is not a readable image."""
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(file)
        try:
            upright = ImageOps.exif_transpose(image)  # reads the pixels of an image that it turns
        except (OSError, ValueError, SyntaxError) as problem:
            raise UsageError(f"{file.name}: cannot be read: {problem}", hint=_DAMAGED) from problem
    return upright.height, upright.width


def read_images(files: Sequence[ImageFile], spec: ImageSpec, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the images, uint8 `[N, C, H, W]`, in the order of the files.

    Pictures are converted as `mtl.core.pictures` says. With
    `resize`, an image of another size is scaled to the size of `spec` (bilinear, smoothed when shrunk).
    Raises `UsageError` for the first file, in order, that is no readable image, or is of
    another size.
    """
    images = np.empty((len(files), *spec.shape), dtype=np.uint8)

    def fill(start: int) -> None:
        for index in range(start, min(start + _CHUNK, len(files))):
            images[index] = _pixels(files[index], spec, resize)

    # Pillow warns about odd palettes and sizes; the filter is set once, as it is shared by all threads.
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        try:
            for _ in pool.map(fill, range(0, len(files), _CHUNK)):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images


def _open(file: ImageFile) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(BytesIO(file.read()))
    except UnidentifiedImageError:
        raise UsageError(f"{file.name}: not an image", hint=_DAMAGED) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise UsageError(f"{file.name}: cannot be read: {problem}", hint=_DAMAGED) from problem


def _pixels(file: ImageFile, spec: ImageSpec, resize: bool) -> NDArray[np.uint8]:
    """Return one image, uint8 `[C, H, W]`."""
    from PIL.Image import Resampling

    from ...core.pictures import convert_picture

    size = (spec.width, spec.height)
    opened = _open(file)
    try:
        image = convert_picture(opened, file.name, spec.channels)
    except (OSError, ValueError, SyntaxError) as problem:  # what Pillow's decoders raise for damaged files
        raise UsageError(f"{file.name}: cannot be read: {problem}", hint=_DAMAGED) from problem
    if image.size != size and not resize:
        found = f"{image.height} x {image.width}"
        raise UsageError(
            f"{file.name}: is {found} pixels, expected {spec.height} x {spec.width}",
            hint="image-folder scales images to one size: --set dataset.size=SIDE",
        )
    if image.size != size:
        image = image.resize(size, Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8).reshape(spec.height, spec.width, spec.channels)
    return pixels.transpose(2, 0, 1)
