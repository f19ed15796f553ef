"""The charts of all tasks together."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from mtl.plugins.forms import Categorical

Make = Callable[..., Any]
KIND = Categorical(("cat", "dog"))


@pytest.fixture
def trained(make: Make, wanted: Any) -> Callable[..., str]:
    """Return a maker of the section on training: tasks by number, further columns of history.csv."""

    def made(count: int, **columns: float) -> str:
        run = make({f"t{place}": wanted(KIND) for place in range(count)}, tables=False)
        for row in run.history:
            row |= columns
        page = run.page()
        return page[page.index('id="training"') : page.index('id="metrics"')]

    return made


def test_relative_losses_of_all_tasks_start_at_one_in_one_chart(make: Make, wanted: Any) -> None:
    run = make({"a": wanted(KIND), "b": wanted(KIND)}, tables=False)
    for row in run.history:
        row["validation/b/loss"] *= 1000.0
    page = run.page()
    drawn = page[page.index("Relative losses") :].split("</svg>")[0]
    heights = [re.findall(rf"<title>{task}, 1: [^<]*</title>", drawn) for task in "ab"]
    assert heights == [["<title>a, 1: 1.0000</title>"], ["<title>b, 1: 1.0000</title>"]]
    assert "a, 3: 0.3333" in drawn
    assert "b, 3: 0.3333" in drawn


def test_cosines_and_weights_are_drawn_where_the_history_has_them(trained: Any) -> None:
    plain = trained(2)
    assert "Gradient cosines" not in plain
    assert "The balancer plain weighs all epochs alike." in plain
    columns = {"cosine/t0/t1": -0.5, "weight/t0": 0.8, "weight/t1": 1.2}
    whole = trained(2, **columns)
    assert whole.count("<svg") == 3
    assert "at the end: t0 · t1 -0.5000" in whole
    assert "at the end: t0 0.8000; t1 1.2000" in whole


def test_of_many_pairs_each_task_has_its_mean_and_a_table_has_all(trained: Any) -> None:
    columns = {f"cosine/t{one}/t{other}": 0.1 * other for one, other in combinations(range(5), 2)}
    section = trained(5, **columns)
    mean = (0.1 + 0.2 + 0.3 + 0.4) / 4
    assert f"at the end: t0 {mean:.4f}; t1 " in section
    assert ">0.400</td>" in section
    assert "·" not in section


def test_one_task_has_its_own_curves_and_nothing_in_common(trained: Any) -> None:
    section = trained(1)
    assert section.count("<svg") == 2
    assert "level (higher is better)" in section
    assert "Relative losses" not in section


def test_a_first_loss_of_zero_is_no_error(make: Make, wanted: Any) -> None:
    run = make({"a": wanted(KIND), "b": wanted(KIND)}, tables=False)
    for row in run.history:
        row["validation/a/loss"] = 0.0
    assert "Relative losses" in run.page()
