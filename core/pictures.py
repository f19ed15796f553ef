"""How a picture from a file becomes pixels, the same way in training and in prediction. No torch.

- The orientation that a camera wrote beside the picture (EXIF) is applied.
- Transparent pixels are laid over white.
- 16-bit grayscale is scaled to 8 bits; palettes and other colour spaces become RGB.
- For one channel, colours become their luma (ITU-R 601); for three, grayscale is repeated.
- Of an animation, the first frame is read.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from .errors import UsageError

MODES = {1: "L", 3: "RGB"}
"""Pillow's mode for each number of channels that image files can give."""


def convert_picture(opened: Image.Image, name: str, channels: int) -> Image.Image:
    """Return an opened picture upright, 8 bits, with 1 or 3 channels.

    Raises `UsageError` that begins with `name` when its pixels have no known range, and whatever Pillow's
    decoders raise when the file is damaged.

    >>> clear = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
    >>> convert_picture(clear, "clear.png", 1).getpixel((0, 0))
    255
    """
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16"):
        wide = np.asarray(picture, dtype=np.uint32)
        picture = Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise UsageError(f"{name}: has 32-bit pixels, whose range is not known", hint="save it with 8 bits")
    elif picture.has_transparency_data:
        above = picture.convert("RGBA")
        white = Image.new("RGBA", above.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, above).convert("RGB")
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])
