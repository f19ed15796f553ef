"""The description of how a file becomes an image is read back with distrust."""

from __future__ import annotations

from itertools import product

import pytest

from mtl.core.contracts.preparation import Preparation, WantedPreparation
from mtl.core.contracts.specs import ImageSpec

IMAGE = ImageSpec(3, 20, 30)


@pytest.mark.parametrize(
    ("way", "interpolation", "orientation"),
    [*product((None, "stretch", "crop", "pad", "fit"), ("nearest", "bicubic"), ("exif", "stored"))],
)
def test_what_is_written_is_read_back(way, interpolation, orientation):
    stated = Preparation(IMAGE, way, interpolation, orientation, 0.5, 255)
    assert Preparation.from_json({**stated.to_json(), "mean": [0.5]}, IMAGE) == stated


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("resize", value) for value in ("squeeze", 1, ["crop"], {}, True)),
        *(("interpolation", value) for value in (None, "cubic", [], 3)),
        *(("orientation", value) for value in (None, "up", 1)),
        *(("share", value) for value in (0, 0.05, 1.5, "1", None, True, -1, 10**400)),
        *(("fill", value) for value in (-1, 256, 1.5, "0", None, True, 2**70)),
        *(("size", value) for value in ([30, 20], [20], 20, None, [20.5, 30])),
        *(("colour", value) for value in ("grey", None, 3)),
        ("transparency", "black"),
    ],
)
def test_anything_else_is_refused_in_one_line(name, value):
    stated = Preparation(IMAGE, "crop").to_json() | {name: value}
    with pytest.raises(ValueError, match=name if name != "share" else "share of the crop") as refused:
        Preparation.from_json(stated, IMAGE)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", [None, 3, [], "crop", {}])
def test_what_is_no_description_is_refused(value):
    with pytest.raises(ValueError, match="preparation"):
        Preparation.from_json(value, IMAGE)


def test_wishes_are_told_as_options():
    wanted = WantedPreparation("weights", resize="crop", share=0.875, mean=(0.5,), std=(0.5,))
    assert wanted.options() == {"resize": "crop", "share": 0.875}
