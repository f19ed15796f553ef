"""How the bytes of a picture file become the pixels that a model reads: Pillow and NumPy, nothing else.

Training, prediction and serving go through `core/data/pictures.py`, which says what is wrong in words. A
bundle holds this file as it is, so it imports nothing of the package; `exports/web/assets/preparation.js` is
the same in JavaScript, step by step.

- PNG, JPEG, GIF, WEBP, TIFF, BMP and PPM files are read, whatever their names end in, and no others.
- A picture of more than 64 million pixels is refused before it is decoded.
- The orientation that a camera wrote beside the picture (EXIF) is applied, unless `stored` is asked for; in
  a TIFF file it is part of the format, and always applied.
- Transparent pixels are laid over white.
- Grayscale of 16 bits (12 in some TIFF files) is scaled to 8; 16-bit colours and grayscale with an alpha
  channel keep their upper 8 bits. Pixels of 32 bits have no known range and are refused.
- Palettes and other colour spaces become RGB.
- For one channel, colours become their luma (ITU-R 601); for three, grayscale is repeated.
- Of an animation, the first frame is read.
- Then the picture is brought to its size: `place_of` says where its pixels go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

MODES = {1: "L", 3: "RGB"}
"""Pillow's mode for each number of channels that image files can give."""

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM")
"""The formats that are opened; some of Pillow's others start programs, such as Ghostscript."""

HINT = f"replace it by an intact image: {', '.join(FORMATS[:-1])} and {FORMATS[-1]} files are read"

LARGEST = 64_000_000
"""Pixels of the largest picture that is decoded, or scaled to; a small file can claim a huge one."""

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Pillow's filter for each interpolation."""

_LYING = (5, 6, 7, 8)
"""EXIF orientations of a picture whose width is its height once it is upright."""

_STRIP = 1_000_000
"""Pixels that are laid over white at once."""

_CHANNELS = {"grey": 1, "rgb": 3}


class PictureError(ValueError):
    """Raised with what is wrong with a picture, to be said after its name."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def prepared(
    content: bytes,
    description: Mapping[str, Any],
    *,
    resize: bool = False,
    formats: tuple[str, ...] = FORMATS,
    fits: Callable[[tuple[int, int]], None] | None = None,
) -> NDArray[np.uint8]:
    """Return the picture in a file's bytes as a model reads it, uint8 `[C, H, W]`.

    `description` is the `preparation` of an exported file's metadata. A picture of another size is refused
    where it names no way to resize, unless `resize` stretches it; `fits` may refuse its width and height
    before it is decoded. Raises `PictureError`, and what Pillow's decoders raise when the file is damaged.
    """
    height, width = description["size"]
    way = description["resize"] or ("stretch" if resize else None)

    def checked(size: tuple[int, int]) -> None:
        if fits is not None:
            fits(size)
        if way is None and size != (width, height):
            raise PictureError(f"is {size[0]} x {size[1]} pixels; the model reads {width} x {height}")

    upright = description["orientation"] == "exif"
    picture = decoded(
        content, _CHANNELS[description["colour"]], upright=upright, fits=checked, formats=formats
    )
    checked(picture.size)
    place = place_of(picture.size, (width, height), way or "stretch", description["share"])
    return pixels_of(placed(picture, place, description["interpolation"], description["fill"]))


def decoded(
    content: bytes,
    channels: int,
    *,
    upright: bool = True,
    fits: Callable[[tuple[int, int]], None] | None = None,
    formats: tuple[str, ...] = FORMATS,
) -> Image.Image:
    """Return the picture in a file's bytes, 8 bits, with 1 or 3 channels; turned as EXIF says if `upright`.

    `fits` gets its width and height before it is decoded, and may refuse it.
    """
    try:
        opened = Image.open(BytesIO(content), formats=formats)
    except UnidentifiedImageError:
        raise PictureError("is not an image", HINT) from None
    except Image.DecompressionBombError:
        raise PictureError(_too_large("far more pixels")) from None
    if opened.width * opened.height > LARGEST:
        raise PictureError(_too_large(f"{opened.width} x {opened.height} pixels"))
    if fits is not None:
        fits(size_of(opened) if upright else opened.size)
    _lay_open_wide_colour(opened, content)
    return converted(opened, channels, upright=upright)


def size_of(opened: Image.Image) -> tuple[int, int]:
    """Return the width and height that an opened picture has once it is upright."""
    if opened.format == "TIFF":
        return opened.size
    lies = opened.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
    return (opened.height, opened.width) if lies else opened.size


def _too_large(size: str) -> str:
    return f"has {size}; at most {LARGEST // 1_000_000} million are read"


def converted(opened: Image.Image, channels: int, *, upright: bool = True) -> Image.Image:
    """Return a picture as Pillow opened it, not yet loaded, 8 bits, with 1 or 3 channels.

    >>> clear = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
    >>> converted(clear, 1).getpixel((0, 0))
    255
    """
    _measure_transparency(opened)
    white = _white_of_wide_pixels(opened)
    if upright:
        # In place: a copy of the largest picture is a quarter of a gigabyte.
        ImageOps.exif_transpose(opened, in_place=True)
    picture = opened
    if white is not None:
        picture = _narrowed(picture, white)
        if _counts_from_white(opened):
            picture = ImageOps.invert(picture)
    elif picture.mode in ("I", "F"):
        raise PictureError("has 32-bit pixels, whose range is not known", hint="save it with 8 bits")
    elif picture.has_transparency_data:
        picture = _over_white(picture)
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])


@dataclass(frozen=True)
class Place:
    """Where the pixels of a picture go: scaled to `scaled`, its corner lies at `corner` of what has `size`.

    All are `(x, y)` in pixels; a corner below 0 is cut off.
    """

    size: tuple[int, int]
    scaled: tuple[int, int]
    corner: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether the scaled picture is the result."""
        return self.scaled == self.size


def place_of(found: tuple[int, int], size: tuple[int, int], way: str, share: float = 1.0) -> Place:
    """Return where the pixels of a picture of `found` width and height go in one of `size`.

    All is counted in whole pixels, so that every implementation finds the same. Raises `PictureError` for a
    picture so long that it would be scaled to more pixels than are read.

    >>> place_of((40, 20), (10, 10), "crop"), place_of((40, 20), (10, 10), "pad").corner
    (Place(size=(10, 10), scaled=(20, 10), corner=(-5, 0)), (0, 2))
    """
    (width, height), (wide, high) = found, size
    if way == "stretch":
        return Place(size, size, (0, 0))
    if way == "crop":
        # The small number is for shares such as 224 / 232, which are no exact binary fractions.
        wide, high = int(wide / share + 1e-6), int(high / share + 1e-6)
        # The other side is rounded down, as torchvision does.
        if width * high >= height * wide:
            scaled = (width * high // height, high)
        else:
            scaled = (wide, height * wide // width)
    elif way == "fit" and width <= wide and height <= high:
        scaled = found
    elif width * high >= height * wide:
        scaled = (wide, max(1, _half_up(height * wide, width)))
    else:
        scaled = (max(1, _half_up(width * high, height)), high)
    if scaled[0] * scaled[1] > LARGEST:
        raise PictureError(f"is {width} x {height} pixels: too long to be cropped to {size[0]} x {size[1]}")
    return Place(size, scaled, (_middle(size[0] - scaled[0]), _middle(size[1] - scaled[1])))


def _half_up(number: int, by: int) -> int:
    """Return the whole number that is nearest to a quotient, the larger one of two."""
    return (2 * number + by) // (2 * by)


def _middle(left: int) -> int:
    """Return where the middle part begins, of what is too long (below 0) as torchvision's `CenterCrop`."""
    return left // 2 if left >= 0 else -round(-left / 2)


def placed(
    picture: Image.Image, place: Place, interpolation: str, fill: float | tuple[int, ...] = 0
) -> Image.Image:
    """Return a picture brought to its place; around it is `fill`, of every channel."""
    if picture.size != place.scaled:
        picture = _scaled(picture, place.scaled, FILTERS[interpolation])
    if place.whole:
        return picture
    around = fill if len(picture.getbands()) == 1 or isinstance(fill, tuple) else (int(fill),) * 3
    found = Image.new(picture.mode, place.size, around)
    found.paste(picture, place.corner)
    return found


def _scaled(picture: Image.Image, size: tuple[int, int], by: Image.Resampling) -> Image.Image:
    """Return a picture scaled first along the side after which it has fewer pixels; rows, if both are alike.

    Left to Pillow the order differs between its releases, and with it the rounding; and a picture of one long
    side could need gigabytes in between.
    """
    (width, height), (wide, high) = picture.size, size
    between = (wide, height) if wide * height <= width * high else (width, high)
    for step in (between, size):
        picture = picture if picture.size == step else picture.resize(step, by)
    return picture


def pixels_of(picture: Image.Image) -> NDArray[np.uint8]:
    """Return a converted picture as uint8 `[C, H, W]`."""
    pixels = np.asarray(picture, dtype=np.uint8).reshape(picture.height, picture.width, -1)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


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
