"""Estimates agree with independent references, and intervals cover what they promise."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mtl.core.comparison.statistics import bootstrap_interval, estimate, holm

GAINS = [0.31, -0.12, 0.55, 0.20, 0.08]
few = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=2, max_size=5)


@given(few)
def test_the_bootstrap_counts_every_resample(values: list[float]) -> None:
    means = sorted(np.mean(drawn) for drawn in product(values, repeat=len(values)))
    least = int(np.ceil(0.025 * len(means) - 1e-9)) - 1
    assert bootstrap_interval(np.array(values)) == pytest.approx((means[least], means[-1 - least]))


def test_the_bootstrap_of_three_is_the_range_of_the_data() -> None:
    assert bootstrap_interval(np.array([0.2, -0.1, 0.4])) == pytest.approx((-0.1, 0.4))


def test_the_bootstrap_of_many_agrees_with_scipy_and_repeats_itself() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 20)
    found = stats.bootstrap((values,), np.mean, n_resamples=50_000, method="percentile", rng=1)
    mine = bootstrap_interval(values)
    assert mine == pytest.approx(tuple(found.confidence_interval), abs=0.02)
    assert mine == bootstrap_interval(values)


def test_the_interval_and_the_p_value_of_student_agree_with_scipy() -> None:
    found = estimate(GAINS)
    reference = stats.ttest_1samp(GAINS, 0.0)
    assert found.p == pytest.approx(reference.pvalue)
    assert found.student == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert found.sd == pytest.approx(np.std(GAINS, ddof=1))


@given(few)
def test_the_interval_holds_both_and_the_mean(values: list[float]) -> None:
    found = estimate(values)
    assert found.bootstrap is not None
    assert found.bootstrap[0] - 1e-9 <= found.mean <= found.bootstrap[1] + 1e-9
    if found.interval is not None and found.student is not None:
        assert found.interval[0] == min(found.bootstrap[0], found.student[0])
        assert found.interval[1] == max(found.bootstrap[1], found.student[1])


@given(few)
def test_turning_the_sign_turns_the_estimate(values: list[float]) -> None:
    found, turned = estimate(values), estimate([-value for value in values])
    assert turned.mean == pytest.approx(-found.mean)
    assert turned.bootstrap == pytest.approx((-found.bootstrap[1], -found.bootstrap[0]))
    assert turned.p == found.p or turned.p == pytest.approx(found.p)


def test_one_seed_has_a_mean_and_nothing_else() -> None:
    found = estimate([0.5])
    assert (found.n, found.mean, found.sd, found.interval, found.p) == (1, 0.5, None, None, None)


def test_equal_differences_have_no_known_spread() -> None:
    found = estimate([0.1, 0.1, 0.1])
    assert (found.student, found.p, found.interval) == (None, None, None)


def test_no_difference_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="at least one"):
        estimate([])


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


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_the_interval_covers_the_truth_where_the_bootstrap_alone_does_not(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    found = [estimate(random.normal(0.0, 1.0, seeds).tolist()) for _ in range(4000)]
    whole = np.mean([item.interval[0] <= 0 <= item.interval[1] for item in found])
    alone = np.mean([item.bootstrap[0] <= 0 <= item.bootstrap[1] for item in found])
    assert whole >= 0.94
    assert alone == pytest.approx({3: 0.75, 5: 0.84, 8: 0.89}[seeds], abs=0.03)


@pytest.mark.slow
def test_among_many_comparisons_of_nothing_hardly_any_verdict_is_given() -> None:
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(1000):
        values = [estimate(random.normal(0, 1, 5).tolist()).p for _ in range(18)]
        wrong += any(value is not None and value < 0.05 for value in holm(values))
    assert wrong / 1000 <= 0.065
