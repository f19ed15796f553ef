"""What compare.json says, from outcomes made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mtl.core.comparison.grid import Grid
from mtl.core.comparison.outcomes import Outcome
from mtl.core.comparison.results import results
from mtl.core.comparison.summary import selection_note, summary_rows

Make = Callable[..., Grid]
Values = Callable[[str, int, str], float | None]


def made(grid: Grid, value: Values) -> dict[str, Any]:
    """Return the results of a grid whose trainings reached `value(title, seed, task)`."""
    outcomes = {}
    for cell in grid.cells:
        tasks = [cell.task] if cell.task else ["even", "third"]
        metrics = {task: {"accuracy": value(cell.title, cell.seed, task)} for task in tasks}
        history = [{"epoch": 1, "validation/even/accuracy": 0.5 + 0.1 * cell.seed, "cosine/even/third": -0.2}]
        training = {"seconds": 2.0, "epochs": 1, "chosen_epoch": 1}
        outcomes[cell.key] = Outcome(
            cell, "cells/x", "trained", metrics=metrics, training=training, history=history
        )
    return results(grid, outcomes)


def steady(title: str, seed: int, task: str) -> float:
    """Cross-stitch is better on `third` at every seed, hard is worse, all else is alike."""
    base = 0.9 + 0.0002 * seed
    if task == "third" and title == "cross-stitch":
        return base + 0.0100 + 0.0001 * (seed % 2)
    if task == "third" and title == "hard":
        return base - 0.0100 - 0.0001 * (seed % 3)
    return base + 0.0001 * ((7 * seed) % 3 - 1) * (title != "third alone, mlp")


def test_verdicts_and_their_correction(grid: Make) -> None:
    found = made(grid(("cross-stitch", "hard"), seeds=(0, 1, 2, 3, 4)), steady)
    by_name = {row["name"]: row for row in found["variants"]}
    assert by_name["cross-stitch"]["tasks"]["third"]["verdict"]["outcome"] == "better"
    assert by_name["hard"]["tasks"]["third"]["verdict"]["outcome"] == "worse"
    assert by_name["hard"]["tasks"]["even"]["verdict"]["outcome"] == "no evidence"
    assert found["verdicts"][0] == (
        "cross-stitch beats single-task on third, 95 % interval +0.95 to +1.05 points, p<0.001; "
        "no evidence on even (p=1)"
    )
    third = by_name["cross-stitch"]["tasks"]["third"]
    assert third["verdict"]["adjusted_p"] > third["gain"]["p"]


def test_delta_m_is_the_mean_of_relative_gains(grid: Make) -> None:
    found = made(grid("hard", seeds=(0, 1, 2)), lambda title, seed, task: 0.8 if "alone" in title else 0.88)
    (row,) = found["variants"]
    assert row["delta_m"]["mean"] == pytest.approx(10.0)
    assert row["tasks"]["third"]["relative_gain"] == pytest.approx(10.0)


def test_a_value_that_is_not_finite_does_not_count(grid: Make) -> None:
    def value(title: str, seed: int, task: str) -> float | None:
        return None if (title, seed, task) == ("hard", 1, "third") else steady(title, seed, task)

    (row,) = made(grid("hard", seeds=(0, 1, 2, 3)), value)["variants"]
    assert row["tasks"]["third"]["gain"]["n"] == 3
    assert row["tasks"]["even"]["gain"]["n"] == 4
    assert row["delta_m"]["n"] == 3


def test_a_value_outside_the_bounds_of_its_metric_is_told(grid: Make) -> None:
    found = made(grid("hard", seeds=(0,)), lambda title, seed, task: 1.5 if title == "hard" else 0.9)
    assert found["notes"] == [
        f"hard, seed 0: accuracy of {task!r} is 1.5, outside its bounds 0 to 1" for task in ("even", "third")
    ]


def test_curves_are_means_and_ranges_over_seeds(grid: Make) -> None:
    (row,) = made(grid("hard", seeds=(0, 1, 2)), steady)["variants"]
    (point,) = row["curves"]["validation/even/accuracy"]
    assert point == {"epoch": 1, "mean": pytest.approx(0.6), "low": 0.5, "high": 0.7, "n": 3}
    assert row["curves"]["cosine/even/third"][0]["mean"] == pytest.approx(-0.2)


def test_every_comparison_is_counted(grid: Make) -> None:
    found = made(grid(("cross-stitch", "hard"), seeds=(0, 1, 2, 3, 4)), steady)
    assert found["method"]["comparisons"] == {"tasks": 4, "delta_m": 2}
    assert made(grid("hard", seeds=(0, 1)), steady)["method"]["comparisons"]["tasks"] == 0


def test_seeds_that_failed_leave_nothing_sure(grid: Make) -> None:
    laid_out = grid("cross-stitch", seeds=(0, 1, 2, 3, 4))
    whole = made(laid_out, steady)
    lost = made(laid_out, lambda *key: None if key[:2] == ("cross-stitch", 4) else steady(*key))
    assert whole["variants"][0]["tasks"]["third"]["verdict"]["outcome"] == "better"
    (row,) = lost["variants"]
    assert row["tasks"]["third"]["verdict"]["outcome"] == "perhaps better"
    assert "of 5 seeds 4 count, since trainings failed" in row["sentence"]
    assert lost["notes"] == ["cross-stitch is judged by 4 of 5 seeds: those that failed may be its worst"]


def test_the_same_computation_under_two_names_is_counted_once_and_marked_once(grid: Make) -> None:
    laid_out = grid(("cross-stitch", "mtan", "hard"), seeds=(0, 1, 2, 3, 4))
    found = made(laid_out, lambda title, *key: steady("cross-stitch" if title == "mtan" else title, *key))
    first, second, _ = found["variants"]
    assert second["repeats"] == "cross-stitch"
    assert second["sentence"] == "mtan: the same results as cross-stitch in every seed"
    assert second["tasks"]["third"]["verdict"] == {
        "outcome": "same results",
        "adjusted_p": first["tasks"]["third"]["verdict"]["adjusted_p"],
        "equality_p": None,
    }
    assert found["method"]["comparisons"] == {"tasks": 4, "delta_m": 2}
    assert any(note.startswith("mtan reached the same as cross-stitch") for note in found["notes"])
    rows = {row[0]: row for row in summary_rows(found)[1]}
    assert " + p<0.001" in "".join(rows["cross-stitch"])
    assert "p" not in "".join(rows["mtan"][2:-1])


def test_variants_that_differ_in_one_seed_are_two(grid: Make) -> None:
    def value(title: str, seed: int, task: str) -> float:
        return steady("cross-stitch", seed, task) + 1e-6 * (title == "mtan" and seed == 2)

    found = made(grid(("cross-stitch", "mtan"), seeds=(0, 1, 2)), value)
    assert [row["repeats"] for row in found["variants"]] == [None, None]


def test_the_rule_by_which_epochs_were_chosen_is_told(grid: Make) -> None:
    found = made(grid("hard", seeds=(0, 1, 2), assignments=("train.select=per-task",)), steady)
    assert found["method"]["select"] == ["per-task"]
    assert selection_note(found) == "Each task is judged at its own best epoch, on both sides."
