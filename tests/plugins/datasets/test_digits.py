from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets import digits
from mtl.plugins.datasets.digits import Digits, enlarge
from mtl.plugins.forms import Categorical


def test_the_splits_hold_every_digit_once():
    splits = Digits().load()
    assert {split: columns.image.shape for split, columns in splits.items()} == {
        "train": (1438, 1, 28, 28),
        "test": (359, 1, 28, 28),
    }
    both = np.concatenate([columns.image.reshape(-1, 784) for columns in splits.values()])
    assert len(np.unique(both, axis=0)) == 1797


def test_columns_have_the_contracted_types():
    columns = Digits().load()["test"]
    assert (columns.image.dtype, columns.labels["digit"].dtype) == (np.uint8, np.int64)


def test_spec_names_ten_digits():
    spec = Digits().spec()
    assert spec.image == ImageSpec(1, 28, 28)
    assert spec.labels == {"digit": Categorical(tuple("0123456789"))}


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
def test_the_split_is_stratified(fraction):
    splits = Digits(test_fraction=fraction).load()
    train, test = (np.bincount(splits[name].labels["digit"], minlength=10) for name in ("train", "test"))
    assert (abs(test - fraction * (train + test)) <= 0.5).all()


def test_the_same_seed_gives_the_same_split():
    assert (Digits().load()["test"].image == Digits().load()["test"].image).all()


def test_another_seed_gives_another_split():
    one, two = (Digits(split_seed=seed).load()["test"].image for seed in (0, 1))
    assert (one != two).any()


def test_the_full_grey_range_is_used():
    image = Digits().load()["train"].image
    assert (image.min(), image.max()) == (0, 255)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 16), min_size=64, max_size=64))
def test_enlarging_agrees_with_pillow_and_commutes_with_turning(values):
    from PIL import Image

    small = np.array(values).reshape(1, 8, 8)
    large = enlarge(small)
    exact = Image.fromarray((small[0] * (255 / 16)).astype(np.float32)).resize(
        (28, 28), Image.Resampling.BILINEAR
    )
    assert abs(large[0, 0] - np.asarray(exact)).max() <= 0.51
    assert (enlarge(np.rot90(small, 1, (1, 2))) == np.rot90(large, 1, (2, 3))).all()


def test_the_file_it_is_read_from_is_named():
    (path,) = Digits().sources()
    assert path.is_file()


def test_the_digits_are_those_that_scikit_learn_loads():
    from sklearn.datasets import load_digits

    expected = load_digits()
    splits = Digits().load().values()
    both = {
        (columns.labels["digit"][index], columns.image[index].tobytes())
        for columns in splits
        for index in range(len(columns))
    }
    large = enlarge(expected.images)
    assert both == {(digit, image.tobytes()) for digit, image in zip(expected.target, large, strict=True)}


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    for content in (b"", b"no archive", gzip.compress(b"1,2,3\n"), gzip.compress(b"1,2,x\n")):
        path = tmp_path / "digits.csv.gz"
        path.write_bytes(content)
        monkeypatch.setattr(digits, "_file", lambda path=path: path)
        with pytest.raises(UsageError, match="cannot be read as scikit-learn's digits"):
            Digits().load()


def test_without_scikit_learn_there_are_no_digits(monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    assert Digits().sources() is None
    with pytest.raises(MissingRequirementError, match="scikit-learn, which brings the digits"):
        Digits().load()
