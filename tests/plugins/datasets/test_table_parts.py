"""Parts are carved evenly, by a seed, and never through a unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.plugins.datasets.table_parts import TEST, TRAIN, VALIDATION, carve, part_of, same_units

ALONE = np.arange(1000)


def fresh(count: int) -> np.ndarray:
    return np.full(count, TRAIN, dtype=np.int8)


@given(
    st.lists(st.integers(-1, 4), min_size=8, max_size=60),
    st.lists(st.integers(0, 12), min_size=60, max_size=60),
    st.sampled_from([0.1, 0.2, 0.5]),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_units_stay_together_and_every_class_is_taught(labels, groups, share, seed) -> None:
    column, units = np.array(labels), same_units(len(labels), [groups[: len(labels)]])
    parts = carve(fresh(len(labels)), TEST, share, units, [column], seed)
    assert set(parts.tolist()) <= {TRAIN, TEST}
    for unit in set(units.tolist()):
        assert len(set(parts[units == unit].tolist())) == 1
    assert set(labels) == set(column[parts == TRAIN].tolist())
    assert (parts == carve(fresh(len(labels)), TEST, share, units, [column], seed)).all()


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_classes_holes_and_rare_labels_have_their_share(share) -> None:
    random = np.random.default_rng(0)
    classes = random.choice([-1, 0, 1, 2], 1000, p=[0.2, 0.5, 0.25, 0.05])
    values = np.where(random.random(1000) < 0.9, np.nan, 1.0).astype(np.float32)[:, None]
    parts = carve(fresh(1000), TEST, share, ALONE, [classes, values], seed=0)
    assert abs((parts == TEST).sum() - 1000 * share) <= 3
    for index in (-1, 0, 1, 2):
        expected = share * (classes == index).sum()
        assert abs((parts[classes == index] == TEST).sum() - expected) <= 3
    rare = ~np.isnan(values[:, 0])
    assert abs((parts[rare] == TEST).sum() - share * rare.sum()) <= 3


def test_seeds_and_parts_have_draws_of_their_own() -> None:
    drawn = [carve(fresh(100), part, 0.3, ALONE[:100], [], seed) for part, seed in ((1, 0), (2, 0), (2, 1))]
    chosen = {tuple(np.flatnonzero(parts).tolist()) for parts in drawn}
    assert len(chosen) == 3
    assert all(len(rows) == 30 for rows in chosen)


def test_the_share_is_of_all_rows_and_taken_from_training_alone() -> None:
    parts = carve(fresh(100), TEST, 0.2, ALONE[:100], [], 0)
    both = carve(parts, VALIDATION, 0.1, ALONE[:100], [], 0)
    assert ((both == TEST) == (parts == TEST)).all()
    assert [int((both == part).sum()) for part in (TRAIN, VALIDATION, TEST)] == [70, 10, 20]


def test_nothing_is_carved_for_a_share_of_nothing() -> None:
    assert (carve(fresh(9), TEST, 0.0, ALONE[:9], [], 0) == TRAIN).all()


def test_rows_with_any_key_in_common_are_one_unit() -> None:
    units = same_units(5, [["a", None, "b", "b", None], [1, 1, 2, 3, None]])
    assert units.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("word", "part"), [("TRAIN", 0), ("dev", 1), ("holdout", 2), ("", None), ("fold 1", None)]
)
def test_words_for_parts(word, part) -> None:
    assert part_of(word) == part
