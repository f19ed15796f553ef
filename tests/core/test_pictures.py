"""Training and prediction read the same file to the same pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.specs import ImageSpec
from mtl.exports.images import read_image
from mtl.plugins.datasets.image_files import ImageFile, read_images

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 6, 4), dtype=np.uint8)


def pictures() -> dict[str, tuple[Image.Image, dict[str, object]]]:
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "transparent.png": (Image.fromarray(PIXELS, "RGBA"), {}),
        "palette.png": (Image.fromarray(PIXELS[..., :3]).quantize(8), {"transparency": bytes([0, 128, 255])}),
        "turned.jpg": (Image.fromarray(PIXELS[..., :3]), {"exif": turned}),
        "wide.png": (Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257), {}),
        "grey.png": (Image.fromarray(PIXELS[..., 0]), {}),
        "bits.png": (Image.fromarray(PIXELS[..., 0] > 99), {}),
        "ink.jpg": (Image.fromarray(PIXELS, "CMYK"), {}),
    }


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", pictures())
def test_training_and_prediction_read_the_same_pixels(name: str, channels: int, tmp_path: Path) -> None:
    picture, options = pictures()[name]
    path = tmp_path / name
    picture.save(path, **options)  # type: ignore[arg-type]
    form = ImageSpec(channels, 6, 6)
    trained = read_images([ImageFile(name, path.read_bytes)], form)[0]
    assert (trained == read_image(path, form)).all()


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(path)
    assert (read_image(path, ImageSpec(1, 2, 2)) == 255).all()
