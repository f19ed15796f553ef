"""Reads many small image files into one uint8 array, each problem naming its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.base.files import read_bytes
from ...core.contracts import InMemory, Preparation, Storage
from ...core.contracts.specs import ImageSpec


@dataclass(frozen=True)
class ImageFile:
    """An image somewhere: the name to show in messages, and how to read its bytes."""

    name: str
    read: Callable[[], bytes]


def image_file(path: Path) -> ImageFile:
    """Return an image that is a file; only a regular file is read."""
    from ...core.data.pictures import HINT, LARGEST_FILE

    return ImageFile(str(path), partial(read_bytes, path, "an image", hint=HINT, most=LARGEST_FILE))


def image_size(file: ImageFile, *, upright: bool = True) -> tuple[int, int]:
    """Return `(height, width)` of an image file; raise `UsageError` when it is not a readable image."""
    from ...core.data.pictures import read_picture, silently

    with silently():
        found = read_picture(file.read(), file.name, channels=3, upright=upright)
    return found.height, found.width


def read_images(
    files: Sequence[ImageFile],
    form: ImageSpec | Preparation,
    *,
    storage: Storage | None = None,
    resize: bool = False,
    broken: dict[int, str] | None = None,
    look: Callable[[int, NDArray[np.uint8]], None] | None = None,
) -> NDArray[np.uint8]:
    """Return the images, uint8 `[N, C, H, W]`, in the order of the files, in `storage` (None: in memory).

    Pictures are read and converted as their preparation says (`core/data/pictures.py`); of a form alone,
    `resize` stretches images of another size. `look` is shown each image, by its
    index, from several threads.
    Raises `UsageError` for the first file, in order, that is no readable image, or is of
    another size; given `broken`, notes there what is wrong by the file's index, and goes on with black.
    """
    from ...core.data.pictures import silently

    preparation = form
    if not isinstance(preparation, Preparation):
        preparation = Preparation(preparation, "stretch" if resize else None)

    def fill(start: int, out: NDArray[np.uint8]) -> None:
        for index, place in enumerate(out, start):
            try:
                _read_into(place, files[index], preparation)
            except UsageError as error:
                if broken is None:
                    raise
                place[...], broken[index] = 0, error.message
            if look is not None:
                look(index, place)

    # Pillow warns about odd palettes and sizes; the filter is set once, as it is shared by all threads.
    with silently():
        return (storage or InMemory()).pictures(len(files), preparation.image, fill)


def _read_into(place: NDArray[np.uint8], file: ImageFile, preparation: Preparation) -> None:
    """Write one image, uint8 `[C, H, W]`."""
    from ...core.data.picture_pixels import PictureError
    from ...core.data.pictures import read_picture, write_pixels

    spec, upright = preparation.image, preparation.orientation == "exif"
    image = read_picture(file.read(), file.name, spec.channels, upright=upright)
    if image.size != (spec.width, spec.height) and preparation.resize is None:
        found = f"{image.height} x {image.width}"
        raise UsageError(
            f"{file.name}: is {found} pixels, expected {spec.height} x {spec.width}",
            hint="image-folder scales images to one size: --set dataset.size=SIDE",
        )
    try:
        write_pixels(image, preparation, place)
    except PictureError as error:
        raise UsageError(f"{file.name}: {error}", hint=error.hint) from None
