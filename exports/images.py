"""Reading image files in the form a model expects: uint8 `[C, H, W]`, converted as in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import UsageError
from ..core.base.files import read_bytes
from ..core.contracts.specs import ImageSpec
from ..core.data.pictures import HINT, LARGEST_FILE, MODES, read_picture, silently, to_pixels


def read_image(path: Path, form: ImageSpec, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the image as uint8 `[C, H, W]`; `resize` brings another size to the model's, bilinearly.

    Raises `UsageError` when the file is missing, damaged, huge, or of another size than the model reads.
    """
    _refuse_other_channels(form)
    content = read_bytes(path, "an image", hint=HINT, most=LARGEST_FILE)
    return pixels_of(content, str(path), form, resize=resize)


def pixels_of(content: bytes, name: str, form: ImageSpec, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the picture in a file's bytes as `read_image` does; `name` is what messages call it."""
    _refuse_other_channels(form)

    def fits(size: tuple[int, int]) -> None:
        if size != (form.width, form.height) and not resize:
            raise UsageError(
                f"{name} is {size[0]} x {size[1]} pixels; the model reads {form.width} x {form.height}",
                hint="pass --resize",
            )

    with silently():
        picture = read_picture(content, name, form.channels, fits)
        fits(picture.size)
    return to_pixels(picture, form)


def _refuse_other_channels(form: ImageSpec) -> None:
    if form.channels not in MODES:
        raise UsageError(f"the model reads {form.channels} channels; image files give 1 or 3")
