"""Pictures that look unlike those of the training are told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl.core.data.picture_statistics import KEY, picture_statistics
from mtl.core.data.samples import Samples
from mtl.exports import unlike
from mtl.exports.unlike import TrainingPictures, told

DARK = TrainingPictures((0.05, 0.25), (0.1, 0.3))


def picture(mean: float, deviation: float) -> np.ndarray:
    """A picture of half its pixels so much below and half above its mean."""
    low, high = (round(255 * (mean + sign * deviation)) for sign in (-1, 1))
    return np.tile(np.array([[low, high]], dtype=np.uint8), (1, 4, 2))


@pytest.mark.parametrize(
    ("mean", "deviation", "remark"),
    [
        (0.2, 0.2, None),
        (0.3, 0.3, None),
        (0.85, 0.14, "may be inverted: it is light, the training pictures are dark"),
        (0.5, 0.2, "is much brighter than the training pictures"),
        (0.3, 0.05, None),
        (0.25, 0.25, None),
    ],
)
def test_brightness_and_contrast_that_are_far_out_are_told(mean, deviation, remark) -> None:
    assert DARK.remark(picture(mean, deviation)) == remark


def test_black_white_and_flat_are_far_out_although_the_training_pictures_vary() -> None:
    varied = TrainingPictures((0.12, 0.64), (0.07, 0.26))
    for value, remark in ((0, "darker"), (255, "brighter"), (90, "less")):
        assert f"much {remark}" in str(varied.remark(np.full((1, 4, 4), value, np.uint8)))


def test_contrast_and_darkness() -> None:
    light = TrainingPictures((0.6, 0.7), (0.2, 0.25))
    assert light.remark(picture(0.65, 0.02)) == "has much less contrast than the training pictures"
    assert light.remark(picture(0.65, 0.34)) == "has much more contrast than the training pictures"
    assert light.remark(picture(0.1, 0.1)) == "is much darker than the training pictures"


def test_statistics_are_those_of_the_pictures_and_the_same_in_both_rooms() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(300, 3, 5, 4), dtype=np.uint8)
    found = picture_statistics(Samples(torch.from_numpy(pixels), {}))
    flat = pixels.reshape(300, -1) / 255
    for name, values in (("brightness", flat.mean(axis=1)), ("contrast", flat.std(axis=1))):
        assert found[name] == pytest.approx(np.percentile(values, (1, 99)), abs=1e-4)
    assert KEY == unlike.KEY
    training = TrainingPictures.of({KEY: found})
    assert training is not None
    assert all(training.remark(one) is None for one in pixels)


SIZED = {"brightness": [0, 1], "contrast": [0, 0.5], "height": [20, 40], "width": [30, 60], "aspect": [1, 2]}


@pytest.mark.parametrize(
    ("size", "remark"),
    [
        ((30, 45), None),
        ((10, 14), None),
        ((4, 6), "is much smaller (6 x 4) than the training pictures"),
        ((160, 240), None),
        ((200, 300), "is much larger (300 x 200) than the training pictures"),
        ((30, 100), "has another shape (100 x 30): much wider than the training pictures"),
        ((30, 15), "has another shape (15 x 30): much taller than the training pictures"),
        ((200, 200), None),
        (None, None),
    ],
)
def test_sizes_that_are_far_out_are_told(size, remark) -> None:
    training = TrainingPictures.of({KEY: SIZED})
    assert training is not None
    assert training.remark(picture(0.5, 0.2), size) == remark


@pytest.mark.parametrize("name", ["height", "width", "aspect"])
@pytest.mark.parametrize("value", [None, [2, 1], [0, 1], [1], ["1", "2"], [-1, 2], 3, {}, [True, 2]])
def test_sizes_that_say_nothing_are_passed_over(name, value) -> None:
    training = TrainingPictures.of({KEY: SIZED | {name: value}})
    assert training is not None
    assert training.remark(picture(0.5, 0.2), (1, 5000)) is None


@pytest.mark.parametrize(
    "stated",
    [
        *(None, 3, {}, {"brightness": [0, 1]}),
        {"brightness": [1, 0], "contrast": [0, 1]},
        {"brightness": [0, "1"], "contrast": [0, 1]},
        {"brightness": [0, True], "contrast": [0, 1]},
    ],
)
def test_metadata_that_says_nothing_useful_is_passed_over(stated) -> None:
    assert TrainingPictures.of({KEY: stated}) is None


def test_several_pictures_are_one_line() -> None:
    remarks = {f"{n}.png": "is dark" for n in range(5)}
    assert told(remarks, 9) == (
        "5 of 9 pictures look unlike the training pictures: 0.png is dark; 1.png is dark; 2.png is dark; ..."
    )
