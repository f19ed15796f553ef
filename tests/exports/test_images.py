from __future__ import annotations

import contextlib
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.exports.images import read_image

GRAY = ImageSpec(1, 2, 3)
COLOUR = ImageSpec(3, 2, 3)
PIXELS = np.array([[0, 50, 100], [150, 200, 255]], dtype=np.uint8)


def saved(tmp_path, picture, name="a.png", **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


def test_grayscale_bytes_arrive_unchanged(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS))
    np.testing.assert_array_equal(read_image(path, GRAY), PIXELS[None])


def test_grayscale_is_repeated_for_a_colour_model(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS))
    np.testing.assert_array_equal(read_image(path, COLOUR), np.stack([PIXELS] * 3))


def test_colours_keep_their_channels(tmp_path):
    colours = np.stack([PIXELS, PIXELS[::-1], 255 - PIXELS])
    path = saved(tmp_path, Image.fromarray(colours.transpose(1, 2, 0).copy()))
    np.testing.assert_array_equal(read_image(path, COLOUR), colours)


def test_colours_become_luma_for_a_grayscale_model(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (3, 2), (255, 0, 0)))
    assert np.unique(read_image(path, GRAY)).tolist() == [76]


def test_transparent_pixels_lie_over_white(tmp_path):
    picture = Image.new("RGBA", (3, 2), (0, 0, 0, 0))
    picture.putpixel((0, 0), (10, 20, 30, 255))
    read = read_image(saved(tmp_path, picture), COLOUR)
    assert read[:, 0, 0].tolist() == [10, 20, 30]
    assert read[:, 1, 2].tolist() == [255, 255, 255]


def test_the_transparent_colour_of_a_palette_lies_over_white(tmp_path):
    picture = Image.new("P", (3, 2), 1)
    picture.putpalette([9, 9, 9, 40, 50, 60])
    picture.putpixel((2, 0), 0)
    read = read_image(saved(tmp_path, picture, transparency=0), COLOUR)
    assert read[:, 0, 0].tolist() == [40, 50, 60]
    assert read[:, 0, 2].tolist() == [255, 255, 255]


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(path, GRAY), PIXELS[None])


def test_black_and_white_becomes_the_ends_of_the_range(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS > 120))
    np.testing.assert_array_equal(read_image(path, GRAY)[0], np.where(PIXELS > 120, 255, 0))


def test_the_camera_orientation_is_applied(tmp_path):
    turned = Image.fromarray(np.rot90(PIXELS).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by a quarter
    path = saved(tmp_path, turned, exif=exif)
    np.testing.assert_array_equal(read_image(path, GRAY), PIXELS[None])


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("L", (3, 2), shade) for shade in (40, 200)]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert np.unique(read_image(path, GRAY)).tolist() == [40]


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_the_first_frame_is_read_whatever_the_format(kind, tmp_path):
    frames = [Image.new("RGB", (3, 2), (shade,) * 3) for shade in (40, 200)]
    options = {"lossless": True} if kind == "webp" else {}
    path = saved(tmp_path, frames[0], f"a.{kind}", save_all=True, append_images=frames[1:], **options)
    assert np.unique(read_image(path, GRAY)).tolist() == [40]


def test_the_colours_of_a_palette_are_read(tmp_path):
    picture = Image.new("P", (3, 2), 1)
    picture.putpalette([9, 9, 9, 40, 50, 60])
    assert read_image(saved(tmp_path, picture), COLOUR)[:, 0, 0].tolist() == [40, 50, 60]


def test_sixteen_bits_serve_a_colour_model(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(path, COLOUR), np.stack([PIXELS] * 3))


def test_transparent_gray_lies_over_white_and_is_resized_after(tmp_path):
    picture = Image.new("LA", (30, 20), (0, 0))
    assert np.unique(read_image(saved(tmp_path, picture), GRAY, resize=True)).tolist() == [255]


def test_half_a_file_is_refused(tmp_path):
    path = saved(tmp_path, Image.effect_noise((64, 64), 50))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UsageError, match=r"a\.png: cannot be read as an image: "):
        read_image(path, ImageSpec(1, 64, 64))


def test_another_size_is_refused_with_the_way_out(tmp_path):
    path = saved(tmp_path, Image.new("L", (64, 48)))
    with pytest.raises(UsageError) as caught:
        read_image(path, ImageSpec(1, 28, 27))
    assert str(caught.value) == (f"{path} is 64 x 48 pixels; the model reads 27 x 28\n  hint: pass --resize")


def test_resizing_gives_the_size_of_the_model(tmp_path):
    path = saved(tmp_path, Image.new("L", (64, 48), 77))
    read = read_image(path, GRAY, resize=True)
    assert read.shape == GRAY.shape
    assert np.unique(read).tolist() == [77]


def test_missing_files_folders_and_text_are_refused(tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no image")
    for path, message in (
        (tmp_path / "none.png", "cannot be read as an image: No such file or directory"),
        (tmp_path, "cannot be read as an image: Is a directory"),
        (text, "is not an image"),
    ):
        with pytest.raises(UsageError) as caught:
            read_image(path, GRAY)
        assert caught.value.message == f"{path}: {message}"


def test_pixels_of_unknown_range_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS.astype(np.float32)), "a.tiff")
    with pytest.raises(UsageError, match="has 32-bit pixels, whose range is not known"):
        read_image(path, GRAY)


def test_a_model_of_four_channels_is_told_apart(tmp_path):
    with pytest.raises(UsageError, match=r"^the model reads 4 channels; image files give 1 or 3$"):
        read_image(tmp_path / "a.png", ImageSpec(4, 2, 3))


@pytest.mark.parametrize("side", [9_000, 40_000])
def test_a_small_file_that_claims_to_be_huge_is_not_decoded(side, tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    with pytest.raises(UsageError, match="at most 64 million are read"):
        read_image(path, GRAY, resize=True)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["png", "jpeg", "gif", "bmp", "tiff"]), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path, kind, data):
    path = saved(tmp_path, Image.fromarray(PIXELS), f"a.{kind}")
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(UsageError):
        read = read_image(path, GRAY, resize=True)
        assert (read.shape, read.dtype) == (GRAY.shape, np.uint8)
