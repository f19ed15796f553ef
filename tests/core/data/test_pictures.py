"""Training and prediction read the same file to the same pixels."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.pictures import read_picture
from mtl.exports.images import read_image
from mtl.plugins.datasets.image_files import ImageFile, image_file, image_size, read_images

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


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_picture_of_the_upright_size_fits(form: str, orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    height, width = (9, 5) if orientation == 6 else (5, 9)
    path = tmp_path / "turned"
    Image.fromarray(np.zeros((height, width), np.uint8)).save(path, form, exif=exif)
    assert read_image(path, ImageSpec(1, 5, 9)).shape == (1, 5, 9)


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    path = tmp_path / "clear.png"
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(path)
    assert (read_image(path, ImageSpec(1, 2, 2)) == 255).all()


def png(depth: int, colour: int, pixel: bytes, transparent: bytes = b"", palette: bytes = b"") -> bytes:
    """Return a PNG file of one pixel, put together from the format's own words."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = [part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, depth, colour, 0, 0, 0))]
    parts += [part(b"PLTE", palette)] if palette else []
    parts += [part(b"tRNS", transparent)] if transparent else []
    parts += [part(b"IDAT", zlib.compress(b"\0" + pixel)), part(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def white_is_zero(pixels: np.ndarray) -> bytes:
    """Return a TIFF file that says of the same numbers that 0 is white."""
    black_is_zero, tag = saved(Image.fromarray(pixels), "TIFF"), struct.pack("<HHI", 262, 3, 1)
    return black_is_zero.replace(tag + struct.pack("<H", 1), tag + struct.pack("<H", 0))


GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
FILES = {
    "1 bit": (png(1, GREY, b"\x80"), 255),
    "2 bits": (png(2, GREY, b"\x40"), 85),
    "4 bits": (png(4, GREY, b"\x70"), 119),
    "8 bits": (png(8, GREY, b"\x07"), 7),
    "16 bits": (png(16, GREY, words(257 * 7 + 128)), 7),
    "16 bits, rounded up": (png(16, GREY, words(257 * 7 + 129)), 8),
    "1 bit, transparent": (png(1, GREY, b"\0", words(0)), 255),
    "1 bit, white transparent, black pixel": (png(1, GREY, b"\0", words(1)), 0),
    "2 bits, transparent": (png(2, GREY, b"\x40", words(1)), 255),
    "2 bits, another transparent": (png(2, GREY, b"\x40", words(2)), 85),
    "4 bits, transparent": (png(4, GREY, b"\x70", words(7)), 255),
    "8 bits, transparent": (png(8, GREY, b"\x07", words(7)), 255),
    "16 bits, transparent": (png(16, GREY, words(500), words(500)), 255),
    "16 bits, nearly the transparent value": (png(16, GREY, words(501), words(500)), 2),
    "colour, transparent": (png(8, COLOUR, bytes([9, 8, 7]), words(9, 8, 7)), 255),
    "16-bit colour": (png(16, COLOUR, words(0x1234, 0x1234, 0x1234)), 0x12),
    "16-bit colour, transparent": (png(16, COLOUR, words(500, 500, 500), words(500, 500, 500)), 255),
    "16-bit colour, nearly the transparent one": (
        png(16, COLOUR, words(0x1234, 0x1299, 0x1234), words(0x1234, 0x1234, 0x1234)),
        0x12,
    ),
    "palette": (png(8, PALETTE, b"\x01", palette=bytes([0, 0, 0, 9, 9, 9])), 9),
    "palette, half transparent": (png(8, PALETTE, b"\0", b"\x80", palette=bytes([200] * 3)), 227),
    "alpha": (png(8, GREY_ALPHA, bytes([200, 128])), 227),
    "16-bit alpha": (png(16, GREY_ALPHA, words(0, 0)), 255),
    "colour alpha": (png(8, COLOUR_ALPHA, bytes([200, 200, 200, 128])), 227),
    "PGM": (b"P5 1 1 255\n\x07", 7),
    "PGM of 16 bits": (b"P5 1 1 65535\n" + words(257 * 7), 7),
    "PGM of 10 bits": (b"P5 1 1 1023\n" + words(1023), 255),
    "PBM": (b"P4 1 1\n\x80", 0),
    "TIFF of 16 bits": (saved(Image.fromarray(np.full((1, 1), 257 * 7, np.uint16)), "TIFF"), 7),
    "TIFF of 16 bits, 0 is white": (white_is_zero(np.full((1, 1), 257 * 7, np.uint16)), 248),
    "TIFF of 8 bits, 0 is white": (white_is_zero(np.full((1, 1), 7, np.uint8)), 248),
    "ink": (saved(Image.new("CMYK", (1, 1), (0, 0, 0, 255)), "TIFF"), 0),
    "YCbCr": (saved(Image.new("YCbCr", (1, 1), (9, 128, 128)), "TIFF"), 9),
    "GIF": (saved(Image.new("L", (1, 1), 7), "GIF"), 7),
    "WEBP": (saved(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "WEBP", lossless=True), 255),
    "BMP": (saved(Image.new("RGB", (1, 1), (7, 7, 7)), "BMP"), 7),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_pixel_becomes_eight_bits_over_white(name: str, channels: int) -> None:
    content, expected = FILES[name]
    assert np.unique(np.asarray(read_picture(content, name, channels))).tolist() == [expected]


def test_a_tiff_file_of_12_bits_is_scaled_by_what_12_bits_hold() -> None:
    entries = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 200, 277: 1, 278: 1, 279: 3}
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4)
    content = head.ljust(200, b"\0") + bytes([0xFF, 0xF0, 0x00])
    assert np.asarray(read_picture(content, "a.tiff", 1)).tolist() == [[255, 0]]


def test_pixels_of_unknown_range_are_refused() -> None:
    for mode in ("I", "F"):
        with pytest.raises(UsageError, match=r"^a\.tiff: has 32-bit pixels"):
            read_picture(saved(Image.new(mode, (1, 1)), "TIFF"), "a.tiff", 1)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 6\n%%EndComments\nshowpage\n%%EOF\n"


def test_a_file_that_would_start_a_program_is_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = tmp_path / "gs"
    caller.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    caller.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    path = tmp_path / "digit.png"
    path.write_bytes(POSTSCRIPT)
    for read in (lambda: read_image(path, ImageSpec(1, 6, 6)), lambda: image_size(image_file(path))):
        with pytest.raises(UsageError, match=r"digit\.png: is not an image"):
            read()
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("form", ["TGA", "PCX", "ICO", "DDS", "SGI", "JPEG2000"])
def test_formats_that_people_rarely_use_are_not_opened(form: str) -> None:
    try:
        content = saved(Image.new("RGB", (16, 16)), form)
    except OSError:
        pytest.skip(f"this Pillow writes no {form}")
    with pytest.raises(UsageError, match="is not an image"):
        read_picture(content, "a.png", 3)


@pytest.mark.parametrize("side", [9_000, 40_000])
def test_data_sets_have_the_bound_of_prediction(side: int) -> None:
    content = png(8, GREY, b"\0")
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    content = content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]
    for read in (
        lambda file: image_size(file),
        lambda file: read_images([file], ImageSpec(1, 6, 6), resize=True),
    ):
        with pytest.raises(UsageError, match="at most 64 million are read"):
            read(ImageFile("a.png", lambda: content))


def test_images_that_do_not_fit_into_memory_are_refused() -> None:
    with pytest.raises(UsageError, match="1000000 images of 8000 x 8000 pixels do not fit into memory"):
        read_images([ImageFile("a.png", bytes)] * 10**6, ImageSpec(3, 8000, 8000))
