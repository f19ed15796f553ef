"""Reads many small image files into one uint8 array, each problem naming its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from ...core.cores import available_cores
from ...core.errors import UsageError
from ...core.files import read_bytes
from ...core.specs import ImageSpec

_CHUNK = 256


@dataclass(frozen=True)
class ImageFile:
    """An image somewhere: the name to show in messages, and how to read its bytes."""

    name: str
    read: Callable[[], bytes]


def image_file(path: Path) -> ImageFile:
    """Return an image that is a file; only a regular file is read."""
    from ...core.pictures import HINT, LARGEST_FILE

    return ImageFile(str(path), partial(read_bytes, path, "an image", hint=HINT, most=LARGEST_FILE))


def image_size(file: ImageFile) -> tuple[int, int]:
    """Return `(height, width)` of an image file; raise `UsageError` when it is not a readable image."""
    from ...core.pictures import read_picture, silently

    with silently():
        upright = read_picture(file.read(), file.name, channels=3)
    return upright.height, upright.width


def read_images(
    files: Sequence[ImageFile],
    spec: ImageSpec,
    *,
    resize: bool = False,
    broken: dict[int, str] | None = None,
) -> NDArray[np.uint8]:
    """Return the images, uint8 `[N, C, H, W]`, in the order of the files.

    Pictures are read and converted as `core/pictures.py` says. With `resize`, an image of another size is
    scaled to the size of `spec` (bilinear, smoothed when shrunk).
    Raises `UsageError` for the first file, in order, that is no readable image, or is of
    another size; given `broken`, notes there what is wrong by the file's index, and goes on with black.
    """
    from ...core.pictures import silently

    images = _room(len(files), spec)
    stopped = Event()

    def fill(start: int) -> None:
        for index in range(start, min(start + _CHUNK, len(files))):
            if stopped.is_set():
                return
            try:
                images[index] = _pixels(files[index], spec, resize)
            except UsageError as error:
                if broken is None:
                    raise
                images[index], broken[index] = 0, error.message

    # Pillow warns about odd palettes and sizes; the filter is set once, as it is shared by all threads.
    with silently(), ThreadPoolExecutor(min(8, available_cores())) as pool:
        try:
            for _ in pool.map(fill, range(0, len(files), _CHUNK)):
                pass
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
    return images


def _room(count: int, spec: ImageSpec) -> NDArray[np.uint8]:
    try:
        return np.empty((count, *spec.shape), dtype=np.uint8)
    except (MemoryError, ValueError):  # the latter for more bytes than numbers can count
        raise UsageError(
            f"{count} images of {spec.height} x {spec.width} pixels do not fit into memory",
            hint="read them smaller: --set dataset.size=SIDE, where the data set has it",
        ) from None


def _pixels(file: ImageFile, spec: ImageSpec, resize: bool) -> NDArray[np.uint8]:
    """Return one image, uint8 `[C, H, W]`."""
    from ...core.pictures import read_picture, to_pixels

    image = read_picture(file.read(), file.name, spec.channels)
    if image.size != (spec.width, spec.height) and not resize:
        found = f"{image.height} x {image.width}"
        raise UsageError(
            f"{file.name}: is {found} pixels, expected {spec.height} x {spec.width}",
            hint="image-folder scales images to one size: --set dataset.size=SIDE",
        )
    return to_pixels(image, spec)
