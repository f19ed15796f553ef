"""Whatever stands in a picture's file, it is read or refused."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.pictures import FORMATS, read_picture, silently, to_pixels

from ...hostile import TIMES, attack, mutated

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
FORM = ImageSpec(3, 6, 6)


def files(form: str) -> list[bytes]:
    """Return a picture in each way that Pillow writes a format."""
    found = []
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"):
        stream = BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        with suppress(OSError, KeyError, ValueError):
            Image.fromarray(PIXELS).convert("L" if mode == "I;16" else mode).convert(mode).save(
                stream, form, **({"exif": exif} if form in ("JPEG", "PNG", "TIFF", "WEBP") else {})
            )
            found.append(stream.getvalue())
    return found


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("form", FORMATS)
def test_a_mutated_picture_is_read_or_refused(form: str, times: int) -> None:
    def check(content: bytes) -> None:
        with suppress(UsageError), silently():
            assert to_pixels(read_picture(content, "a.png", 3), FORM).shape == FORM.shape

    attack(times, mutated(files(form)), check)
