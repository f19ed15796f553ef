from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.plugins.datasets.shapes_synthetic import FIGURES, SyntheticShapes, stamps


@pytest.fixture(scope="module")
def drawn():
    return SyntheticShapes(train_size=3000, test_size=500).load()


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**40), least=st.integers(1, 5), overlap=st.booleans())
def test_every_image_has_two_kinds_and_ten_figures(seed, least, overlap):
    options = {"seed": seed, "least": least, "overlap": overlap}
    for columns in SyntheticShapes(train_size=40, test_size=20, **options).load().values():
        counts = columns.labels["counts"]
        assert ((counts > 0).sum(axis=1) == 2).all()
        assert (counts.sum(axis=1) == FIGURES).all()
        assert counts[counts > 0].min() >= least


def test_columns_have_the_contracted_types_and_sizes(drawn):
    assert drawn["train"].image.shape == (3000, 1, 28, 28)
    assert drawn["test"].image.dtype == np.uint8
    assert drawn["test"].labels["counts"].shape == (500, 6)
    assert drawn["test"].labels["counts"].dtype == np.float32


def test_images_are_black_and_white(drawn):
    assert np.unique(drawn["train"].image).tolist() == [0, 255]


def test_by_default_counts_are_those_that_occur_in_gsn(drawn):
    counts = drawn["train"].labels["counts"]
    assert np.unique(counts[counts > 0]).tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_every_pair_and_count_is_equally_likely(drawn):
    counts = drawn["train"].labels["counts"]
    first = (counts > 0).argmax(axis=1)
    pairs = np.bincount([int("".join("01"[bit] for bit in row), 2) for row in (counts > 0).astype(int)])
    chosen = counts[np.arange(len(counts)), first].astype(int)
    # Six standard deviations of a binomial count.
    assert abs(pairs[pairs > 0] - 200).max() < 6 * 200**0.5
    assert (pairs > 0).sum() == 15
    assert abs(np.bincount(chosen, minlength=9)[2:] - 3000 / 7).max() < 6 * (3000 / 7) ** 0.5


def inside(kind, row, column):
    """Return a figure alone on the image, from the stamp and its anchor."""
    canvas = np.zeros((38, 38), dtype=bool)
    canvas[row : row + 11, column : column + 11] = stamps()[kind]
    return canvas[5:33, 5:33]


def test_without_overlap_figures_share_no_pixel(monkeypatch):
    from mtl.plugins.datasets import shapes_synthetic as module

    seen = []
    choose = module._choose_free_anchors

    def spy(random, kinds, exclusion):
        anchors = choose(random, kinds, exclusion)
        seen.append((kinds, anchors))
        return anchors

    monkeypatch.setattr(module, "_choose_free_anchors", spy)
    image = SyntheticShapes(train_size=60, test_size=1, overlap=False).load()["train"].image
    kinds, anchors = seen[0]
    for i in range(len(image)):
        figures = [inside(k, *divmod(int(a), 28)) for k, a in zip(kinds[i], anchors[i], strict=True)]
        covered = np.sum(figures, axis=0)
        assert covered.max() == 1
        assert ((image[i, 0] > 0) == (covered > 0)).all()


def test_with_overlap_crossing_figures_flip_each_others_pixels():
    plain = SyntheticShapes(train_size=500, test_size=1, overlap=False).load()["train"].image.mean()
    crossing = SyntheticShapes(train_size=500, test_size=1).load()["train"].image.mean()
    # 0.42 of the pixels are white without overlap; 0.30 with it, as in GSN (0.2996).
    assert 0.41 < plain / 255 < 0.44
    assert 0.29 < crossing / 255 < 0.315


def test_train_and_test_are_different_images(drawn):
    assert (drawn["train"].image[:500] != drawn["test"].image).any(axis=(1, 2, 3)).all()


def test_the_same_seed_draws_the_same_images_whatever_the_sizes(drawn):
    again = SyntheticShapes(train_size=1200, test_size=7).load()
    assert (again["train"].image == drawn["train"].image[:1200]).all()
    assert (again["test"].labels["counts"] == drawn["test"].labels["counts"][:7]).all()


def test_another_seed_draws_other_images(drawn):
    other = SyntheticShapes(train_size=100, test_size=1, seed=1).load()
    assert (other["train"].image != drawn["train"].image[:100]).any()


def test_ten_thousand_images_are_drawn_in_seconds():
    start = time.process_time()
    SyntheticShapes().load()
    assert time.process_time() - start < 8  # 1.1 s alone on one core; room for a loaded machine
