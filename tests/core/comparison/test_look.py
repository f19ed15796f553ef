"""Who looks, adds seeds and looks again is told what is not there in 5 % at most."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mtl.core.base.errors import UsageError
from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.folder import ComparisonFolder
from mtl.core.comparison.grid import Grid
from mtl.core.comparison.look import Look
from mtl.core.comparison.power import EFFECT, power
from mtl.core.comparison.statistics import difference, holm
from mtl.core.comparison.verdicts import BETTER, WORSE, verdict_on

from .conftest import Diary

Make = Callable[..., Grid]
Train = Callable[..., tuple[Comparison, Diary]]
LAST = 12


@given(st.integers(1, 30), st.integers(1, 300))
def test_all_shares_up_to_any_look_are_at_most_one(planned: int, more: int) -> None:
    shares = [Fraction(Look(planned + k, planned).share).limit_denominator(10**9) for k in range(more + 1)]
    # Four fifths, and planned/5 (1/planned - 1/n) of the rest: the sum telescopes.
    expected = Fraction(4, 5) + Fraction(planned, 5) * (Fraction(1, planned) - Fraction(1, planned + more))
    assert float(sum(shares)) == pytest.approx(float(expected), abs=1e-6)
    assert expected < 1


@given(st.integers(3, 20), st.integers(0, 20), st.floats(0, 1))
def test_p_and_interval_say_the_same(planned: int, more: int, p: float) -> None:
    look = Look(planned + more, planned)
    adjusted = look.adjusted(p)
    assert adjusted is not None
    if abs(p - (1 - look.level)) > 1e-12:
        assert (adjusted < 0.05) == (p < 1 - look.level)


def test_before_its_time_nothing_is_sure() -> None:
    found = difference([0.9, 0.901, 0.902], [0.5, 0.501, 0.502])
    assert verdict_on(found, 0.001, 3).outcome == BETTER
    assert verdict_on(found, 0.001, 5).outcome == "perhaps better"


def told(values: NDArray[np.float64], alone: NDArray[np.float64], planned: int) -> bool:
    """Return whether any look after every seed has a verdict: `values` `[M, N]` against `alone` `[M, N]`."""
    for seeds in range(planned, values.shape[1] + 1):
        look = Look(seeds, planned)
        found = [
            difference(group[:seeds].tolist(), other[:seeds].tolist(), look.level)
            for group, other in zip(values, alone, strict=True)
        ]
        adjusted = [look.adjusted(p) for p in holm([item.p for item in found])]
        verdicts = (verdict_on(item, p, seeds).outcome for item, p in zip(found, adjusted, strict=True))
        if any(verdict in (BETTER, WORSE) for verdict in verdicts):
            return True
    return False


def quick(values: NDArray[np.float64], alone: NDArray[np.float64], planned: int) -> NDArray[np.bool_]:
    """Return the same of many tables at once, `[tables, M, N]`, by SciPy's test and Holm's first step."""
    any_verdict = np.zeros(len(values), bool)
    for seeds in range(planned, values.shape[2] + 1):
        p = stats.ttest_ind(values[..., :seeds], alone[..., :seeds], axis=-1, equal_var=False).pvalue
        any_verdict |= p.min(axis=1) * values.shape[1] < 0.05 * Look(seeds, planned).share
    return any_verdict


def drawn(tables: int, comparisons: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return tables in which nothing differs; as in a comparison, variants share their single-task runs."""
    random = np.random.default_rng([tables, comparisons])
    alone = random.normal(size=(tables, 2, LAST))
    return random.normal(size=(tables, comparisons, LAST)), np.tile(alone, (1, comparisons // 2, 1))


def test_the_quick_simulation_does_what_the_rule_does() -> None:
    values, alone = drawn(60, 2)
    values[::2, 0] += 2.0
    expected = [told(one, other, 4) for one, other in zip(values, alone, strict=True)]
    assert quick(values, alone, 4).tolist() == expected
    assert {True, False} == set(expected)


@pytest.mark.slow
@pytest.mark.parametrize("comparisons", [2, 6, 20])
@pytest.mark.parametrize("planned", [3, 5])
def test_looking_after_every_seed_is_wrong_in_five_percent_at_most(planned: int, comparisons: int) -> None:
    tables = 10_000
    wrong = quick(*drawn(tables, comparisons), planned).mean()
    # Three standard errors of a share of 5 % are 0.65 %.
    assert wrong <= 0.05 + 3 * (0.05 * 0.95 / tables) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("comparisons", [2, 6, 20])
@pytest.mark.parametrize("planned", [3, 5])
def test_what_a_gain_is_found_with_is_what_is_said_before(planned: int, comparisons: int) -> None:
    tables = 10_000
    values, alone = drawn(tables, comparisons)
    values[:, 0] += EFFECT
    seen, known = values[:, 0, :planned], alone[:, 0, :planned]
    p = stats.ttest_ind(seen, known, axis=-1, equal_var=False).pvalue
    # Holm's first step, of the comparison that gains: at the look's share of the 5 %, and at all of it.
    found = float((p * comparisons < 0.05 * Look(planned, planned).share).mean())
    fixed = float((p * comparisons < 0.05).mean())
    three = 3 * 0.5 / tables**0.5
    assert found == pytest.approx(power(planned, comparisons), abs=three)
    assert fixed == pytest.approx(power(planned, comparisons, share=1.0), abs=three)
    # Four fifths of the level cost a sixth of the power of the fixed test at most.
    assert 5 / 6 * fixed - three < found < fixed


def test_more_seeds_in_a_folder_are_a_later_look(grid: Make, train: Train, tmp_path: Path) -> None:
    first, _ = train(grid("hard", seeds=(0, 1, 2)), tmp_path / "c")
    assert first.results["method"]["look"] == Look(3, 3).to_json()
    later, _ = train(grid("hard", seeds=(0, 1, 2, 3)), tmp_path / "c")
    assert later.results["method"]["look"] == Look(4, 3).to_json()
    again, _ = train(grid("hard", seeds=(0, 1, 2, 3)), tmp_path / "c", force=True)
    assert again.results["method"]["look"] == Look(4, 3).to_json()


def test_a_variant_that_is_left_out_later_counts_all_the_same(
    grid: Make, train: Train, tmp_path: Path
) -> None:
    three = (0, 1, 2)
    both = train(grid(("hard", "none"), seeds=three), tmp_path / "c")[0].results
    less = train(grid("hard", seeds=three), tmp_path / "c")[0].results
    alone = train(grid("hard", seeds=three), tmp_path / "other")[0].results
    counted = [found["method"]["comparisons"] for found in (both, less, alone)]
    assert [counts["tasks"] for counts in counted] == [4, 4, 2]
    assert [counts["delta_m"] for counts in counted] == [2, 2, 1]
    p_values = [found["variants"][0]["delta_m_verdict"]["adjusted_p"] for found in (both, less, alone)]
    assert p_values[2] <= p_values[0] <= p_values[1] == min(1.0, 2 * p_values[2])
    assert "1 variant was compared in this folder before and left out now" in "\n".join(less["notes"])
    assert both["notes"] == alone["notes"] == []
    again = train(grid("hard", seeds=(0, 1)), tmp_path / "c")[0].results
    assert again["method"]["earlier_variants"] == 1


def test_fewer_seeds_than_planned_make_nothing_sure(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0, 1, 2, 3)), tmp_path / "c")
    early, _ = train(grid("hard", seeds=(0, 1, 2)), tmp_path / "c")
    assert early.results["method"]["look"]["planned"] == 4
    assert "(of 4 seeds 3 count, the others were planned: nothing is sure)" in early.verdicts[0]


def test_a_plan_whose_number_of_seeds_was_edited_is_refused(grid: Make, tmp_path: Path) -> None:
    plan = grid("hard").plan()
    with ComparisonFolder.open(tmp_path / "c", plan, print, seeds=3):
        pass
    path = tmp_path / "c" / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"planned_seeds": "many"}))
    with (
        pytest.raises(UsageError, match=r"plan\.json is damaged: planned_seeds is 'many'"),
        ComparisonFolder.open(tmp_path / "c", plan, print, seeds=3),
    ):
        pass
