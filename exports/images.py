"""Reading image files in the form a model expects: uint8 `[C, H, W]`, converted as in training."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..core.errors import UsageError
from ..core.pictures import MODES, convert_picture
from ..core.specs import ImageSpec

LARGEST = 64_000_000
"""Pixels of the largest image that is decoded; a small file can claim a huge one."""


def read_image(path: Path, form: ImageSpec, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the image as uint8 `[C, H, W]`; `resize` brings another size to the model's, bilinearly.

    Raises `UsageError` when the file is missing, damaged, huge, or of another size than the model reads.
    """
    if form.channels not in MODES:
        raise UsageError(f"the model reads {form.channels} channels; image files give 1 or 3")
    if not path.is_file():
        raise UsageError(f"{path}: {'is a folder, not an image' if path.is_dir() else 'no such file'}")
    try:
        with warnings.catch_warnings():
            # Our own limit is lower, and said in one line.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > LARGEST:
                    raise UsageError(_too_large(path, f"{opened.width} x {opened.height} pixels"))
                picture = convert_picture(opened, str(path), form.channels)
    except UsageError:
        raise
    except Image.DecompressionBombError as error:
        raise UsageError(_too_large(path, "far more pixels")) from error
    except UnidentifiedImageError as error:
        raise UsageError(f"{path}: is not an image") from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise UsageError(f"{path}: is damaged or unreadable ({error})") from error
    if picture.size != (form.width, form.height):
        if not resize:
            raise UsageError(
                f"{path} is {picture.width} x {picture.height} pixels; "
                f"the model reads {form.width} x {form.height}",
                hint="pass --resize",
            )
        picture = picture.resize((form.width, form.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=np.uint8).reshape(form.height, form.width, form.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size}; at most {LARGEST // 1_000_000} million are read"
