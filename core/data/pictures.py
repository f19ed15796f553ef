"""How a picture from a file becomes pixels, the same way in training and in prediction. No torch.

- PNG, JPEG, GIF, WEBP, TIFF, BMP and PPM files are read, whatever their names end in, and no others.
- A picture of more than 64 million pixels is refused before it is decoded.
- The orientation that a camera wrote beside the picture (EXIF) is applied.
- Transparent pixels are laid over white.
- Grayscale of 16 bits (12 in some TIFF files) is scaled to 8; 16-bit colours and grayscale with an alpha
  channel keep their upper 8 bits. Pixels of 32 bits have no known range and are refused.
- Palettes and other colour spaces become RGB.
- For one channel, colours become their luma (ITU-R 601); for three, grayscale is repeated.
- Of an animation, the first frame is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from ..base.errors import UsageError
from ..base.files import reading
from ..contracts.specs import ImageSpec

MODES = {1: "L", 3: "RGB"}
"""Pillow's mode for each number of channels that image files can give."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
"""The formats that are opened; some of Pillow's others start programs, such as Ghostscript."""

LARGEST = 64_000_000
"""Pixels of the largest picture that is decoded; a small file can claim a huge one."""

LARGEST_FILE = 8 * LARGEST
"""Bytes of the largest file: the largest picture as it is, with four channels of 16 bits."""

_LYING = (5, 6, 7, 8)
"""EXIF orientations of a picture whose width is its height once it is upright."""

_STRIP = 1_000_000
"""Pixels that are laid over white at once."""

HINT = f"replace it by an intact image: {', '.join(FORMATS[:-1])} and {FORMATS[-1]} files are read"


def read_picture(
    content: bytes, name: str, channels: int, fits: Callable[[tuple[int, int]], None] | None = None
) -> Image.Image:
    """Return the picture in a file's bytes, upright, 8 bits, with 1 or 3 channels.

    `fits` gets its upright width and height before it is decoded, and may refuse it.
    Raises `UsageError` that begins with `name` when it is damaged, too large, or no picture at all.
    """
    with reading(name, "an image", hint=HINT):
        try:
            opened = Image.open(BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError:
            raise UsageError(f"{name}: is not an image", hint=HINT) from None
        except Image.DecompressionBombError:
            raise UsageError(_too_large(name, "far more pixels")) from None
        if opened.width * opened.height > LARGEST:
            raise UsageError(_too_large(name, f"{opened.width} x {opened.height} pixels"))
        if fits is not None:
            lies = opened.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
            fits((opened.height, opened.width) if lies else opened.size)
        _lay_open_wide_colour(opened, content)
        return convert_picture(opened, name, channels)


def _too_large(name: str, size: str) -> str:
    return f"{name}: has {size}; at most {LARGEST // 1_000_000} million are read"


@contextmanager
def silently() -> Iterator[None]:
    """Keep back what Pillow warns of in odd files; threads share it, so it is entered once, outside them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def convert_picture(opened: Image.Image, name: str, channels: int) -> Image.Image:
    """Return a picture as Pillow opened it, not yet loaded, upright, 8 bits, with 1 or 3 channels.

    Raises `UsageError` that begins with `name` when its pixels have no known range, and whatever Pillow's
    decoders raise when the file is damaged.

    >>> clear = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
    >>> convert_picture(clear, "clear.png", 1).getpixel((0, 0))
    255
    """
    _measure_transparency(opened)
    white = _white_of_wide_pixels(opened)
    # In place: a copy of the largest picture is a quarter of a gigabyte.
    ImageOps.exif_transpose(opened, in_place=True)
    picture = opened
    if white is not None:
        picture = _narrowed(picture, white)
        if _counts_from_white(opened):
            picture = ImageOps.invert(picture)
    elif picture.mode in ("I", "F"):
        raise UsageError(f"{name}: has 32-bit pixels, whose range is not known", hint="save it with 8 bits")
    elif picture.has_transparency_data:
        picture = _over_white(picture)
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])


def _over_white(picture: Image.Image) -> Image.Image:
    """Return a transparent picture laid over white, in strips: the largest needs little more than itself."""
    found = Image.new("RGB", picture.size)
    rows = max(1, _STRIP // max(1, picture.width))
    for top in range(0, picture.height, rows):
        box = (0, top, picture.width, min(top + rows, picture.height))
        above = picture.crop(box).convert("RGBA")
        below = Image.new("RGBA", above.size, (255, 255, 255, 255))
        found.paste(Image.alpha_composite(below, above).convert("RGB"), box)
    return found


def to_pixels(picture: Image.Image, form: ImageSpec) -> NDArray[np.uint8]:
    """Return a converted picture as uint8 `[C, H, W]`, brought to the size of `form` (bilinear, smoothed)."""
    if picture.size != (form.width, form.height):
        picture = picture.resize((form.width, form.height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=np.uint8).reshape(form.height, form.width, form.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _packing(opened: Image.Image) -> str:
    """Return how the file packs its pixels, in Pillow's words, such as `L;2`; empty when they are loaded."""
    tiles = getattr(opened, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    packing = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return packing if isinstance(packing, str) else ""


def _measure_transparency(opened: Image.Image) -> None:
    """State the colour that a PNG file calls transparent in units of the decoded pixels."""
    colour, packing = opened.info.get("transparency"), _packing(opened)
    if isinstance(colour, int) and packing in _STEPS:
        opened.info["transparency"] = colour * _STEPS[packing]


def _lay_open_wide_colour(opened: Image.Image, content: bytes) -> None:
    """Turn the transparent colour of a PNG file of 16 bits a channel into an alpha channel, exactly.

    Pillow decodes the upper 8 bits only; the lower ones are what it takes for the upper ones in a file whose
    bytes are in the other order.
    """
    colour = opened.info.get("transparency")
    if not isinstance(colour, tuple) or _packing(opened) != "RGB;16B":
        return
    lower = Image.open(BytesIO(content), formats=("PNG",))
    assert isinstance(lower, ImageFile.ImageFile)
    lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
    wanted = np.array(colour)
    upper_same = (np.asarray(opened) == wanted >> 8).all(axis=2)
    same = upper_same & (np.asarray(lower) == (wanted & 255)).all(axis=2)
    del opened.info["transparency"]
    opened.putalpha(Image.fromarray(np.where(same, 0, 255).astype(np.uint8)))


_STEPS = {"L;2": 85, "L;4": 17}
"""From one grey level of 2 or 4 bits to the next, in 8 bits."""


def _white_of_wide_pixels(opened: Image.Image) -> int | None:
    """Return the largest value that a grey pixel of more than 8 bits can have, None for other pictures."""
    if opened.mode.startswith("I;16"):
        return 4095 if _packing(opened) == "I;12" else 65535
    # Pillow opens 16 bits of these in 32.
    return 65535 if opened.mode == "I" and opened.format in ("PNG", "PPM") else None


def _counts_from_white(opened: Image.Image) -> bool:
    """Return whether 0 is white in a file: Pillow turns such grey pixels round, but not those of 16 bits."""
    tags = getattr(opened, "tag_v2", {})
    return opened.format == "TIFF" and tags.get(_PHOTOMETRIC) == 0


_PHOTOMETRIC = 262
"""The TIFF tag that says what a pixel's number means."""


def _narrowed(picture: Image.Image, white: int) -> Image.Image:
    """Return grey pixels of 0..`white` with 8 bits; the transparent value becomes white."""
    wide = np.asarray(picture).clip(0, white).astype(np.uint32)
    grey = ((wide * 255 + white // 2) // white).astype(np.uint8)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey[wide == transparent] = 255
    return Image.fromarray(grey)
