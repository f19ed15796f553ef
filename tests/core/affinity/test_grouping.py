"""Groups, their values and the best grouping, against a search written otherwise."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.affinity.partitions import Group, groups_of, partitions
from mtl.core.affinity.prices import Budget, Price, amount, price_of_all, refuse_too_little
from mtl.core.affinity.search import front, ranked
from mtl.core.affinity.values import DRAWS, Drawing, directed, gains, value_of
from mtl.core.base.errors import UsageError
from mtl.core.comparison.yardsticks import Yardstick

LETTERS = "abcdefgh"
ERROR = Yardstick("e", "rmse", "lower", (0.0, np.inf))
SCORE = Yardstick("s", "accuracy", "higher", (0.0, 1.0))


@cache
def labelled(tasks: str) -> set[frozenset[frozenset[str]]]:
    """Every way to part tasks, by giving each one a label and forgetting the labels."""
    return {
        frozenset(
            frozenset(task for task, label in zip(tasks, labels, strict=True) if label == it)
            for it in set(labels)
        )
        for labels in product(range(len(tasks)), repeat=len(tasks))
    }


@pytest.mark.parametrize(("count", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (8, 4140)])
def test_every_grouping_is_found_once(count: int, bell: int) -> None:
    found = list(partitions(LETTERS[:count]))
    assert len(found) == len(set(found)) == bell
    if count <= 5:
        unordered = {frozenset(frozenset(group) for group in parts) for parts in found}
        assert unordered == labelled(LETTERS[:count])


@given(st.integers(2, 4), st.randoms(use_true_random=False), st.floats(0.3, 1.5))
def test_the_best_grouping_is_that_of_a_search_by_labels(count: int, random: object, share: float) -> None:
    draw = random.random  # type: ignore[attr-defined]
    tasks: Group = tuple(LETTERS[:count])
    known = {
        group: {task: np.array([draw() - 0.5]) for task in group}
        for group in groups_of(tasks)
        if len(group) > 1
    }
    prices = {group: Price(int(100 * draw()) + 1, 1) for group in groups_of(tasks)}
    budget = Budget(int(share * sum(prices[task,].parameters for task in tasks)) + 1)
    found = ranked(tasks, known, prices, budget, 0.95)
    best = None
    for unordered in labelled("".join(tasks)):
        parts = [tuple(sorted(group)) for group in unordered]
        cost = sum(prices[group].parameters for group in parts)
        gain = sum(float(known[group][task][0]) for group in parts if len(group) > 1 for task in group)
        if cost <= (budget.parameters or 0) and (best is None or gain / count > best):
            best = gain / count
    assert (found[0].gain if found else None) == (None if best is None else pytest.approx(best))
    assert [one.gain for one in found] == sorted((one.gain for one in found), reverse=True)


def test_gains_are_percents_of_the_value_alone_and_positive_is_better() -> None:
    alone = {"e": [2.0, 4.0], "s": [0.5, 0.5]}
    together = {("e", "s"): {"e": [1.5, 2.5], "s": [0.6, 0.4]}}
    found = gains({"e": ERROR, "s": SCORE}, together, alone)["e", "s"]
    assert found["e"][0] == pytest.approx(100 * (3.0 - 2.0) / 3.0)
    assert found["s"][0] == pytest.approx(0.0)
    assert len(found["e"]) == 1 + DRAWS


def test_what_was_not_trained_is_the_mean_of_its_pairs() -> None:
    known = {
        ("a", "b"): {"a": np.array([1.0]), "b": np.array([2.0])},
        ("a", "c"): {"a": np.array([3.0]), "c": np.array([-4.0])},
        ("b", "c"): {"b": np.array([6.0]), "c": np.array([0.0])},
    }
    value = value_of(("a", "b", "c"), known)
    assert value is not None
    assert value[0] == pytest.approx((1 + 3) / 2 + (2 + 6) / 2 + (-4 + 0) / 2)
    measured = {**known, ("a", "b", "c"): {task: np.array([9.0]) for task in "abc"}}
    assert value_of(("a", "b", "c"), measured) == pytest.approx(27.0)
    assert value_of(("a", "b", "c"), {("a", "b"): known["a", "b"]}) is None


def test_what_a_does_to_b_is_what_b_gains() -> None:
    found = directed({("a", "b"): [0.25], ("b", "a"): [-0.5]})
    assert {task: drawn.tolist() for task, drawn in found["a", "b"].items()} == {"a": [-0.5], "b": [0.25]}


def test_a_mean_is_drawn_from_students_t() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    drawn = Drawing.of([values]).mean(values)
    # 95 % of t with 3 degrees lie within 3.182 standard errors of sqrt(10/3)/2 each.
    half = 3.182 * (10 / 3) ** 0.5 / 2
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    assert drawn[0] == 3.0
    assert [3 - low, high - 3] == pytest.approx([half, half], rel=0.1)
    assert len(Drawing.of([[1.0], values]).mean([1.0])) == 1


def test_one_seed_says_nothing_of_how_sure_the_best_is() -> None:
    found = ranked(("a", "b"), {}, dict.fromkeys(groups_of("ab"), Price(1, 1)), Budget(), 0.95)
    assert [(one.parts, one.interval, one.chosen) for one in found] == [((("a",), ("b",)), None, None)]


def test_of_equal_groupings_the_cheaper_one_is_best() -> None:
    known = {("a", "b"): {"a": np.array([1.0]), "b": np.array([-1.0])}}
    prices = {("a",): Price(10, 1), ("b",): Price(10, 1), ("a", "b"): Price(12, 1)}
    first, second = ranked(("a", "b"), known, prices, Budget(), 0.95)
    assert first.parts == (("a", "b"),)
    assert front([first, second], "parameters") == [first]


def test_a_grouping_costs_what_its_models_cost_together() -> None:
    prices = {("a", "c"): Price(5, 50), ("b",): Price(2, 7)}
    assert price_of_all([("a", "c"), ("b",)], prices) == Price(7, 57)


@pytest.mark.parametrize(
    ("text", "expected"), [("120000", 120_000), ("1.2M", 1_200_000), ("1.5x", 150), (None, None)]
)
def test_amounts_are_numbers_or_multiples_of_one_model(text: str | None, expected: int | None) -> None:
    assert amount("--parameters", text, 100) == expected


@pytest.mark.parametrize("text", ["many", "-5", "0", "1e5", "nan", "0.001x", ""])
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(UsageError, match=r"--parameters .* is no amount"):
        amount("--parameters", text, 100)


def test_a_budget_that_nothing_meets_names_the_cheapest() -> None:
    prices = {("a",): Price(10, 5), ("b",): Price(10, 5), ("a", "b"): Price(12, 30)}
    refuse_too_little(Budget(12, 30), ("a", "b"), prices)
    with pytest.raises(UsageError, match="with at most 12 parameters and 10 multiply-adds") as refused:
        refuse_too_little(Budget(12, 10), ("a", "b"), prices)
    assert (
        refused.value.hint
        == "the fewest parameters are 12, of a + b; the fewest multiply-adds are 10, of a | b"
    )
