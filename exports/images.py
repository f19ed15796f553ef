"""Reading image files in the form a model expects: uint8 `[C, H, W]`.

- The orientation that a camera wrote beside the picture (EXIF) is applied.
- Transparent pixels are laid over white.
- 16-bit grayscale is scaled to 8 bits; palettes and other colour spaces become RGB.
- For a model of one channel, colours become their luma (ITU-R 601); for three, grayscale is repeated.
- Of an animation, the first frame is read.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..core.errors import UsageError
from ..core.specs import ImageSpec

LARGEST = 64_000_000
"""Pixels of the largest image that is decoded; a small file can claim a huge one."""

_MODES = {1: "L", 3: "RGB"}


def read_image(path: Path, form: ImageSpec, *, resize: bool = False) -> NDArray[np.uint8]:
    """Return the image as uint8 `[C, H, W]`; `resize` brings another size to the model's, bilinearly.

    Raises `UsageError` when the file is missing, damaged, huge, or of another size than the model reads.
    """
    if form.channels not in _MODES:
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
                picture = _converted(opened, path, _MODES[form.channels])
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


def _converted(opened: Image.Image, path: Path, mode: str) -> Image.Image:
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16"):
        wide = np.asarray(picture, dtype=np.uint32)
        picture = Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise UsageError(f"{path}: has 32-bit pixels, whose range is not known", hint="save it with 8 bits")
    elif picture.has_transparency_data:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, above).convert("RGB")
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return picture.convert(mode)


def _too_large(path: Path, size: str) -> str:
    return f"{path}: has {size}; at most {LARGEST // 1_000_000} million are read"
