"""What a comparison can find is said before it trains, and is what a simulation finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.grid import Grid
from mtl.core.comparison.power import Power, power, power_of

from .conftest import Diary


@pytest.mark.parametrize(("seeds", "comparisons"), [(3, 2), (5, 16), (10, 16)])
def test_the_chance_is_that_of_a_simulation(seeds: int, comparisons: int) -> None:
    random = np.random.default_rng(seeds)
    values, others = random.normal(2.0, 1.0, (seeds, 20_000)), random.normal(0.0, 1.0, (seeds, 20_000))
    found = stats.ttest_ind(values, others, equal_var=False).pvalue < 0.05 * 0.8 / comparisons
    assert power(seeds, comparisons) == pytest.approx(found.mean(), abs=0.01)


def test_more_seeds_find_more_and_more_comparisons_less() -> None:
    assert power(3, 2) < power(5, 2) < power(10, 2)
    assert power(5, 2) > power(5, 4) > power(5, 16)


def test_the_seeds_needed_are_the_least_that_do() -> None:
    asked = Power(3, 16)
    assert power(asked.seeds_needed, 16) >= 0.8 > power(asked.seeds_needed - 1, 16)


def test_few_seeds_for_many_comparisons_are_told_with_the_number_that_would_do() -> None:
    assert Power(3, 16).sentence() == (
        "with 3 seeds and 16 comparisons, a variant that is truly better by 2 times the spread from seed to "
        "seed will be found better in 2 of 100 cases; with 11 seeds, in 80"
    )
    assert Power(1, 2).sentence() == (
        "nothing can be concluded from 1 seed: 3 are the least; with 7, a variant that is truly better by 2 "
        "times the spread from seed to seed will be found better in 80 of 100 cases"
    )


def test_seeds_that_do_are_told_without_a_remedy() -> None:
    assert Power(10, 2).sentence().endswith("in 96 of 100 cases")


@pytest.mark.parametrize(("seeds", "comparisons"), [(3, 2), (5, 2), (10, 16)])
def test_the_gain_that_could_have_been_found_is_found_with_the_chance_asked_for(
    seeds: int, comparisons: int
) -> None:
    found = Power(seeds, comparisons).found_effect
    assert found is not None
    assert power(seeds, comparisons, found) == pytest.approx(0.8, abs=1e-4)
    assert Power(2, comparisons).found_effect is None


def test_a_later_look_finds_less_than_one_that_was_planned(grid: Callable[..., Grid]) -> None:
    asked = grid(("none", "hard"), seeds=tuple(range(10)))
    assert power_of(asked, planned=3).chance < power_of(asked).chance


def test_what_cannot_be_trained_is_not_counted(grid: Callable[..., Grid]) -> None:
    assert power_of(grid(("none", "hard"), seeds=(0, 1, 2))) == Power(3, 4)


def test_it_is_told_before_anything_is_trained(
    grid: Callable[..., Grid], train: Callable[..., tuple[Comparison, Diary]], tmp_path: Path
) -> None:
    _, diary = train(grid("hard", seeds=(0,)), tmp_path / "c")
    assert diary.told == [Power(1, 2).sentence()]
    assert diary.trained_when_told == 0
