"""Pictures that are nearly the same in two splits are found, and others are not."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from mtl.core.data import near_duplicates as search
from mtl.core.data.near_duplicates import Pair, difference_hashes, near_duplicates, said
from mtl.core.data.samples import Samples, Splits

SIDE = 24


def photograph(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(256, size=(7, 7, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((SIDE, SIDE))).transpose(2, 0, 1)


def samples(*images: np.ndarray) -> Samples:
    return Samples(torch.from_numpy(np.stack(images)), {})


def found_in(train: list[np.ndarray], test: list[np.ndarray]) -> list[Pair]:
    lone = samples(pixels(photograph(999)))
    return near_duplicates(Splits(samples(*train), lone, samples(*test)))


def test_pictures_compressed_scaled_brightened_or_without_colour_are_found() -> None:
    original = photograph(0)
    stream = BytesIO()
    original.save(stream, "JPEG", quality=90)
    changed = [
        original,
        Image.open(stream),
        original.resize((40, 40)),
        Image.eval(original, lambda value: min(255, int(value * 0.8 + 30))),
        original.convert("L").convert("RGB"),
        original.filter(ImageFilter.GaussianBlur(0.5)),
    ]
    train = [pixels(photograph(seed)) for seed in range(1, 30)] + [pixels(original)]
    pairs = found_in(train, [pixels(image) for image in changed])
    assert [(pair.index, pair.other, pair.other_index) for pair in pairs] == [
        (index, "train", 29) for index in range(len(changed))
    ]
    assert [pair.identical for pair in pairs] == [True] + [False] * 5


def test_splits_are_searched_once_wherever_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    same = pixels(photograph(1))
    splits = Splits(samples(same), samples(pixels(photograph(2))), samples(same))
    found = near_duplicates(splits)
    monkeypatch.setattr(search, "_seen", None)
    assert near_duplicates(splits) == near_duplicates(splits.to("cpu")) == found != []


def test_other_pictures_and_flat_ones_are_not_found() -> None:
    train = [pixels(photograph(seed)) for seed in range(60)]
    test = [pixels(photograph(seed)) for seed in range(100, 160)]
    blank = [np.full((3, SIDE, SIDE), 255, dtype=np.uint8)]
    assert found_in(train + blank, test + blank) == []


def test_validation_is_compared_with_training_and_each_picture_is_told_once() -> None:
    one, other = pixels(photograph(1)), pixels(photograph(2))
    pairs = near_duplicates(Splits(samples(one, one), samples(one, other), samples(one, other)))
    assert pairs == [
        Pair("test", 0, "train", 0, True),
        Pair("test", 1, "validation", 1, True),
        Pair("validation", 0, "train", 0, True),
    ]
    end = "of them pixel by pixel: figures measured on them flatter; the report of a run shows them"
    assert said(pairs) == [
        f"2 pictures are nearly the same in the test split and in train and validation, 2 {end}",
        f"1 picture is nearly the same in the validation split and in train, 1 {end}",
    ]
    assert said([]) == []


def test_a_hash_is_of_the_means_of_cells_left_and_right() -> None:
    grey = torch.from_numpy(np.random.default_rng(0).integers(256, size=(5, 24, 27)).astype(np.float32))
    for picture, value in zip(grey.numpy(), difference_hashes(grey), strict=True):
        cells = picture.reshape(8, 3, 9, 3).mean(axis=(1, 3))
        clearly = 0.1 * cells.std(ddof=1)
        bits = "".join("1" if b - a > clearly else "0" for row in cells for a, b in pairwise(row))
        assert int(value) == int(bits, 2)
