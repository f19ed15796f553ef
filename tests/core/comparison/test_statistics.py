"""Estimates agree with independent references, and keep what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mtl.core.comparison.statistics import difference, holm

VALUES = [0.31, -0.12, 0.55, 0.20, 0.08]
OTHERS = [0.12, 0.15, 0.11, 0.14]
few = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=2, max_size=5)


def test_interval_and_p_value_agree_with_scipy() -> None:
    found = difference(VALUES, OTHERS)
    reference = stats.ttest_ind(VALUES, OTHERS, equal_var=False)
    assert found.n == 4
    assert found.p == pytest.approx(reference.pvalue)
    assert found.degrees == pytest.approx(reference.df)
    assert found.interval == pytest.approx(tuple(reference.confidence_interval(0.95)))


def test_error_and_degrees_of_freedom_by_hand() -> None:
    found = difference([1.0, 2.0, 3.0], [0.0, 2.0])
    # Variances 1 and 2: error^2 = 1/3 + 2/2; degrees = (4/3)^2 / ((1/3)^2 / 2 + 1^2 / 1).
    assert found.error == pytest.approx((4 / 3) ** 0.5)
    assert found.degrees == pytest.approx((16 / 9) / (1 / 18 + 1))


@given(few, few)
def test_turning_the_groups_turns_the_estimate(values: list[float], others: list[float]) -> None:
    found, turned = difference(values, others), difference(others, values)
    assert turned.mean == pytest.approx(-found.mean)
    assert (turned.p is None) == (found.p is None)
    if found.interval is not None and turned.interval is not None:
        assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]))
        assert turned.p == pytest.approx(found.p)


@given(few, few)
def test_the_interval_excludes_zero_exactly_where_p_is_below_five_percent(
    values: list[float], others: list[float]
) -> None:
    found = difference(values, others)
    if found.interval is not None and found.p is not None:
        assert (found.p < 0.05) == (not found.interval[0] <= 0 <= found.interval[1])


@given(few, st.randoms(use_true_random=False))
def test_the_order_of_seeds_says_nothing(values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(values, len(values))
    assert difference(shuffled, OTHERS).p == pytest.approx(difference(values, OTHERS).p)


def test_one_seed_has_a_mean_and_nothing_else() -> None:
    found = difference([0.5], [0.2, 0.4])
    assert found.n == 1
    assert found.mean == pytest.approx(0.2)
    assert (found.error, found.degrees, found.interval, found.p) == (None, None, None, None)


def test_two_groups_without_spread_have_no_known_error() -> None:
    found = difference([0.3, 0.3, 0.3], [0.1, 0.1, 0.1])
    assert (found.error, found.p, found.interval) == (0.0, None, None)
    assert difference([0.3, 0.3, 0.3], [0.1, 0.1, 0.2]).p is not None


def test_an_empty_group_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="in both groups"):
        difference([], [0.1])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_nothing_and_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    adjusted = holm(values)
    for value, found in zip(values, adjusted, strict=True):
        assert found is not None
        assert value <= found <= min(1.0, len(values) * value) + 1e-12
    order = np.argsort(values, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(np.array(adjusted))
