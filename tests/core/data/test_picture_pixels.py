"""How a picture is brought to its size: by the equations of each way, for every size and orientation."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts.preparation import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.picture_pixels import LARGEST, PictureError, place_of, prepared
from mtl.core.data.pictures import prepared_picture

WAYS = ("stretch", "crop", "pad", "fit")
SIDES = st.integers(1, 40)
SIZES = st.tuples(SIDES, SIDES)


def png(pixels: np.ndarray, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


def drawn(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(SIZES, SIZES, st.sampled_from(WAYS))
def test_each_way_scales_and_places_as_it_says(found, size, way):
    place = place_of(found, size, way)
    factors = [Fraction(place.scaled[axis], found[axis]) for axis in (0, 1)]
    assert place.size == size
    if way == "stretch":
        assert place.scaled == size
        return
    wanted = [Fraction(size[axis], found[axis]) for axis in (0, 1)]
    factor = max(wanted) if way == "crop" else min(wanted)
    factor = min(factor, 1) if way == "fit" else factor
    for axis in (0, 1):
        # Sides are whole pixels: the one that decides exactly, the other within one.
        assert abs(place.scaled[axis] - found[axis] * factor) < 1 or place.scaled[axis] == 1
        assert place.scaled[axis] >= size[axis] if way == "crop" else place.scaled[axis] <= size[axis]
        left = place.corner[axis]
        right = size[axis] - place.scaled[axis] - left
        assert abs(left - right) <= 1
    assert way == "fit" or any(one == factor for one in factors)


@given(SIZES, SIZES, st.floats(0.5, 1))
def test_a_share_scales_larger_before_the_middle_is_cut(found, size, share):
    place = place_of(found, size, "crop", share)
    for axis in (0, 1):
        assert place.scaled[axis] >= int(size[axis] / share)
        assert place.corner[axis] <= 0


@settings(max_examples=60)
@given(
    SIZES,
    SIZES,
    st.sampled_from((*WAYS, None)),
    st.sampled_from(("nearest", "bilinear", "bicubic", "lanczos")),
)
def test_a_picture_of_its_size_is_left_as_it_is(found, size, way, interpolation):
    pixels = drawn(*size)
    description = Preparation(ImageSpec(3, *size), way, interpolation).to_json()
    assert (prepared(png(pixels), description) == pixels.transpose(2, 0, 1)).all()


@pytest.mark.parametrize(
    ("way", "found", "size", "seen"),
    [
        ("crop", [[0, 1, 2, 3, 4, 5]], (1, 2), [[2, 3]]),
        ("pad", [[0, 23]], (3, 2), [[7, 7], [0, 23], [7, 7]]),
        ("pad", [[0, 23]], (2, 6), [[7, 0, 0, 23, 23, 7], [7, 0, 0, 23, 23, 7]]),
        ("fit", [[0, 23]], (1, 4), [[7, 0, 23, 7]]),
        ("fit", [[0, 0, 23, 23], [0, 0, 23, 23]], (3, 2), [[7, 7], [0, 23], [7, 7]]),
    ],
)
def test_what_is_cut_off_and_what_surrounds(way, found, size, seen):
    pixels = np.array(found, dtype=np.uint8)
    preparation = Preparation(ImageSpec(1, *size), way, "nearest", fill=7)
    made, measured = prepared_picture(png(pixels), "a.png", preparation)
    assert measured == pixels.shape
    assert made[0].tolist() == seen


@pytest.mark.parametrize(("way", "orientation", "channels"), [*product(WAYS, range(1, 9), (1, 3))])
def test_a_turned_file_is_the_upright_picture(way, orientation, channels):
    upright = drawn(5, 9)
    # How the eight orientations store a picture, in the words of the standard (0th row, 0th column).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = png(np.ascontiguousarray(stored), exif=exif)
    description = Preparation(ImageSpec(channels, 6, 7), way)
    found, size = prepared_picture(turned, "a.png", description)
    assert (found == prepared_picture(png(upright), "a.png", description)[0]).all()
    assert size == (5, 9)
    as_stored = Preparation(ImageSpec(channels, 6, 7), way, orientation="stored")
    plain = png(np.ascontiguousarray(stored))
    assert (
        prepared_picture(turned, "a.png", as_stored)[0] == prepared_picture(plain, "a", as_stored)[0]
    ).all()


@settings(max_examples=40, deadline=None)
@given(
    SIZES,
    st.integers(2, 24),
    st.sampled_from((1.0, 0.875, 224 / 232)),
    st.sampled_from(("bilinear", "bicubic")),
)
def test_crop_is_what_torchvision_does_for_pretrained_weights(found, side, share, interpolation):
    transforms = pytest.importorskip("torchvision.transforms")
    covering = int(side / share + 1e-6)
    resize = transforms.Resize(covering, transforms.InterpolationMode(interpolation))
    pixels = drawn(*found) // 2 + 64  # far enough from 0 and 255 that nothing is clipped on the way
    theirs = np.asarray(transforms.CenterCrop(side)(resize(Image.fromarray(pixels)))).transpose(2, 0, 1)
    description = Preparation(ImageSpec(3, side, side), "crop", interpolation, share=share).to_json()
    ours = prepared(png(pixels), description).astype(int)
    # Which side is scaled first differs between releases of Pillow; ours is fixed. So rounding may differ.
    assert np.abs(ours - theirs).max() <= 1


def test_a_picture_too_long_to_be_cropped_is_refused():
    with pytest.raises(PictureError, match="too long to be cropped to 224 x 224"):
        place_of((LARGEST // 10, 1), (224, 224), "crop")
    content = png(np.zeros((1, 60_000), np.uint8))
    with pytest.raises(UsageError, match=r"^long\.png: is 60000 x 1 pixels: too long to be cropped"):
        prepared_picture(content, "long.png", Preparation(ImageSpec(1, 224, 224), "crop"))


def test_another_size_is_refused_where_no_way_is_named():
    exact = Preparation(ImageSpec(3, 4, 5))
    with pytest.raises(UsageError, match=r"a\.png is 9 x 6 pixels; the model reads 5 x 4"):
        prepared_picture(png(drawn(6, 9)), "a.png", exact)
    stretched = prepared_picture(png(drawn(6, 9)), "a.png", Preparation(ImageSpec(3, 4, 5), "stretch"))[0]
    assert (prepared_picture(png(drawn(6, 9)), "a.png", exact, resize=True)[0] == stretched).all()
