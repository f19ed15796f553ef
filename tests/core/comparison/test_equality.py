"""A margin that was stated beforehand lets a comparison say that two things are equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mtl.core.base.errors import UsageError
from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.grid import Grid
from mtl.core.comparison.statistics import difference, equivalence
from mtl.core.comparison.verdicts import sentence, verdict_on
from mtl.core.comparison.yardsticks import Yardstick, margins_of

from .conftest import Diary

CLOSE = difference([0.9001, 0.9, 0.8999, 0.9002, 0.9], [0.9, 0.9001, 0.9, 0.8999, 0.9001])
YARDSTICKS = {
    "even": Yardstick("even", "accuracy", "higher", (0.0, 1.0)),
    "denoise": Yardstick("denoise", "psnr", "higher", (-math.inf, math.inf)),
}


def test_the_p_value_is_that_of_two_one_sided_tests() -> None:
    values, others = [0.31, -0.12, 0.55, 0.20, 0.08], [0.12, 0.15, 0.11, 0.14]
    lower = stats.ttest_ind(np.array(values) + 0.3, others, equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(np.array(values) - 0.3, others, equal_var=False, alternative="less").pvalue
    assert equivalence(difference(values, others), 0.3) == pytest.approx(max(lower, upper))


def test_without_a_known_spread_nothing_is_equal() -> None:
    assert equivalence(difference([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), 0.1) is None


@pytest.mark.parametrize(
    ("adjusted", "equal", "outcome"),
    [(1.0, 0.01, "equal"), (1.0, 0.05, "no evidence"), (1.0, None, "no evidence")],
)
def test_the_rule(adjusted: float, equal: float | None, outcome: str) -> None:
    assert verdict_on(CLOSE, adjusted, 5, equal).outcome == outcome


def test_a_gain_that_is_sure_stays_one_although_it_is_within_the_margin() -> None:
    found = difference([0.901, 0.9011, 0.9012, 0.901], [0.9, 0.9001, 0.9002, 0.9])
    assert verdict_on(found, 0.001, 4, 0.001).outcome == "better"
    assert verdict_on(found, 0.1, 4, 0.001).outcome == "equal"


def test_where_trainings_failed_nothing_is_equal() -> None:
    assert verdict_on(CLOSE, 1.0, 6, 0.001).outcome == "no evidence"


def test_a_sentence_says_within_what() -> None:
    verdict = {"outcome": "equal", "adjusted_p": 1.0, "equality_p": 0.0123}
    rows = {"even": {"gain": CLOSE.to_json(), "verdict": verdict}}
    units = {"even": {"unit": "points", "scale": 100.0, "margin": 0.002}}
    assert sentence("hard", rows, units, 5) == "hard equals single-task on even within 0.2 points, p=0.012"


def test_margins_are_given_as_gains_are_shown() -> None:
    assert margins_of(YARDSTICKS, {"even": 0.2, "denoise": 0.1}) == {
        "even": pytest.approx(0.002),
        "denoise": pytest.approx(0.1),
    }


@pytest.mark.parametrize(
    ("task", "margin"), [("even", 0.0), ("even", 100.0), ("even", math.nan), ("denoise", -1)]
)
def test_what_is_no_margin_is_refused(task: str, margin: float) -> None:
    with pytest.raises(UsageError, match=f"--equal-within {task}=.*: no margin of"):
        margins_of(YARDSTICKS, {task: margin})


def test_a_margin_is_part_of_the_question(
    grid: Callable[..., Grid], train: Callable[..., tuple[Comparison, Diary]], tmp_path: Path
) -> None:
    stated = grid("hard", seeds=(0, 1, 2), margins={"even": 30.0})
    results = train(stated, tmp_path / "c")[0].results
    assert results["tasks"]["even"]["margin"] == pytest.approx(0.3)
    assert results["variants"][0]["tasks"]["even"]["verdict"]["equality_p"] is not None
    for margins in ({"even": 40.0}, {}):
        with pytest.raises(UsageError, match="holds another comparison"):
            train(grid("hard", seeds=(0, 1, 2), margins=margins), tmp_path / "c")


def test_a_margin_after_the_results_is_refused(
    grid: Callable[..., Grid], train: Callable[..., tuple[Comparison, Diary]], tmp_path: Path
) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    with pytest.raises(UsageError, match="holds another comparison"):
        train(grid("hard", seeds=(0,), margins={"even": 30.0}), tmp_path / "c")
