"""Reading image files in the form a model expects: uint8 `[C, H, W]`, converted as in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import UsageError
from ..core.base.files import read_bytes
from ..core.contracts.preparation import Preparation
from ..core.contracts.specs import ImageSpec
from ..core.data.pictures import HINT, LARGEST_FILE, MODES, prepared_picture, silently

Picture = tuple[NDArray[np.uint8], tuple[int, int]]
"""The pixels that a model reads, `[C, H, W]`, and the height and width of the file they come from."""


def read_image(path: Path, form: ImageSpec | Preparation, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the image as uint8 `[C, H, W]`, prepared as a file's card says (`ModelCard.preparation`).

    Where that names no way to bring another size to the model's, `resize` stretches it.
    Raises `UsageError` when the file is missing, damaged, huge, or of another size than the model reads.
    """
    preparation = form if isinstance(form, Preparation) else Preparation(form)
    return read_picture(path, preparation, resize=resize)[0]


def read_picture(path: Path, preparation: Preparation, *, resize: bool = False) -> Picture:
    """Return what `read_image` does, and the size of the file's picture."""
    _refuse_other_channels(preparation.image)
    content = read_bytes(path, "an image", hint=HINT, most=LARGEST_FILE)
    return picture_in(content, str(path), preparation, resize=resize)


def picture_in(content: bytes, name: str, preparation: Preparation, *, resize: bool = False) -> Picture:
    """Return the picture in a file's bytes as `read_picture` does; `name` is what messages call it."""
    _refuse_other_channels(preparation.image)
    with silently():
        return prepared_picture(content, name, preparation, resize=resize)


def _refuse_other_channels(form: ImageSpec) -> None:
    if form.channels not in MODES:
        raise UsageError(f"the model reads {form.channels} channels; image files give 1 or 3")
