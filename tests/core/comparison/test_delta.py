"""delta-m against its equation, direction by direction."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.comparison.delta import delta_m, relative_gain
from mtl.core.comparison.yardsticks import Yardstick

ACCURACY = Yardstick("a", "accuracy", "higher", (0.0, 1.0))
ERROR = Yardstick("b", "rmse", "lower", (0.0, inf))
YARDSTICKS = {"a": ACCURACY, "b": ERROR}
positive = st.floats(0.01, 100)


@given(positive, positive, positive, positive)
def test_delta_m_is_the_equation_of_maninis(a: float, b: float, alone_a: float, alone_b: float) -> None:
    # Delta_m = 1/T sum_i (-1)^{l_i} (M_m,i - M_b,i) / M_b,i, with l_i = 1 where lower is better.
    expected = 100 / 2 * ((-1) ** 0 * (a - alone_a) / alone_a + (-1) ** 1 * (b - alone_b) / alone_b)
    found = delta_m(YARDSTICKS, [{"a": a, "b": b}], [{"a": alone_a, "b": alone_b}])
    assert found is not None
    assert found.mean == pytest.approx(expected, abs=1e-9 * (1 + abs(expected)))


def test_delta_m_is_of_the_means_over_seeds() -> None:
    values = [{"a": 0.8, "b": 0.9}, {"a": 1.0, "b": 1.1}, {"a": 0.9, "b": 0.7}]
    alone = [{"a": 0.7, "b": 1.0}, {"a": 0.9, "b": 1.4}]
    found = delta_m(YARDSTICKS, values, alone)
    assert found is not None
    assert found.n == 2
    assert found.mean == pytest.approx(100 / 2 * ((0.9 - 0.8) / 0.8 - (0.9 - 1.2) / 1.2))


def test_the_error_of_delta_m_is_the_spread_that_many_repetitions_have() -> None:
    random = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(2000):
        a, b = random.normal(0.6, 0.02, 6), random.normal(0.5, 0.03, 6)
        alone_a, alone_b = random.normal(0.5, 0.02, 6), random.normal(1.0, 0.05, 6)
        values = [{"a": x, "b": y} for x, y in zip(a, b, strict=True)]
        alone = [{"a": x, "b": y} for x, y in zip(alone_a, alone_b, strict=True)]
        found = delta_m(YARDSTICKS, values, alone)
        assert found is not None
        assert found.error is not None
        means.append(found.mean)
        errors.append(found.error**2)
    assert np.mean(errors) ** 0.5 == pytest.approx(np.std(means), rel=0.05)


def test_a_lower_error_and_a_higher_accuracy_are_both_gains() -> None:
    assert relative_gain(ACCURACY, 0.99, 0.9) == pytest.approx(10.0)
    assert relative_gain(ERROR, 0.9, 1.0) == pytest.approx(10.0)


@pytest.mark.parametrize("alone", [0.0, -3.0])
def test_there_is_no_percentage_of_what_is_not_positive(alone: float) -> None:
    assert relative_gain(ERROR, 0.5, alone) is None
    assert delta_m(YARDSTICKS, [{"a": 0.9, "b": 0.5}], [{"a": 0.9, "b": alone}]) is None


def test_without_any_seed_there_is_no_delta_m() -> None:
    assert delta_m(YARDSTICKS, [], [{"a": 0.9, "b": 1.0}]) is None


def test_shares_where_more_is_better_are_shown_in_points() -> None:
    assert (ACCURACY.scale, ACCURACY.unit) == (100.0, "points")
    assert (ERROR.scale, ERROR.unit) == (1.0, "rmse")
    assert Yardstick("c", "mae", "lower", (0.0, 1.0)).scale == 1.0


def test_an_open_bound_is_null_in_json() -> None:
    assert ERROR.to_json()["bounds"] == [0.0, None]
