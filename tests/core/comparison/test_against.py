"""Any variant can be what the others are held against, instead of single-task training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.comparison.axes import component_axis
from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.grid import Grid
from mtl.core.comparison.page import page
from mtl.core.comparison.power import power_of
from mtl.core.comparison.sheets import cells_sheet, summary_sheet
from mtl.core.comparison.statistics import difference
from mtl.core.comparison.summary import summary_rows

from .conftest import Diary
from .test_results import made

Make = Callable[..., Grid]


def reached(title: str, seed: int, task: str) -> float:
    """Hard sharing is better than cross-stitch on `third` at every seed; `even` is alike."""
    gain = 0.02 if (title, task) == ("hard", "third") else 0.0
    return 0.9 + gain + 0.0002 * seed + 0.0001 * ((3 * seed + len(title) // 3) % 4)


def test_no_task_is_trained_alone_and_the_gain_is_over_the_variant(grid: Make) -> None:
    laid_out = grid(("cross-stitch", "hard"), seeds=(0, 1, 2, 3, 4), against="cross-stitch")
    assert {cell.task for cell in laid_out.cells} == {None}
    found = made(laid_out, reached)
    baseline, hard = found["variants"]
    own, other = ([reached(title, seed, "third") for seed in range(5)] for title in ("hard", "cross-stitch"))
    assert hard["tasks"]["third"]["gain"]["mean"] == pytest.approx(difference(own, other).mean)
    assert hard["sentence"].startswith("hard beats cross-stitch on third, 95 % interval +1.")
    assert hard["tasks"]["third"]["alone"]["mean"] == pytest.approx(sum(other) / 5)
    assert baseline["sentence"] == "cross-stitch: the others are held against it"
    assert {item["verdict"]["outcome"] for item in baseline["tasks"].values()} == {"baseline"}
    assert (baseline["delta_m"], found["single_task"], found["against"]) == (None, [], "cross-stitch")


def test_what_is_held_against_is_no_comparison(grid: Make) -> None:
    laid_out = grid(("none", "hard", "cross-stitch"), seeds=(0, 1, 2), against="none")
    assert power_of(laid_out).comparisons == 2 * 2
    assert made(laid_out, reached)["method"]["comparisons"] == {"tasks": 4, "delta_m": 2}


def test_a_variant_with_the_same_results_repeats_it_wherever_it_stands(grid: Make) -> None:
    laid_out = grid(("mtan", "hard"), seeds=(0, 1, 2), against="hard")
    first, second = made(laid_out, lambda title, seed, task: 0.9 + 0.01 * seed)["variants"]
    assert first["sentence"] == "mtan: the same results as hard in every seed"
    assert second["repeats"] is None


def test_the_table_the_page_and_the_sheets_name_it(grid: Make) -> None:
    found = made(grid(("cross-stitch", "hard"), seeds=(0, 1, 2, 3, 4), against="cross-stitch"), reached)
    header, rows = summary_rows(found)
    assert [row[0] for row in rows] == ["cross-stitch", "hard"]
    assert {len(row) for row in rows} == {len(header)}
    shown = page(found)
    assert "held against cross-stitch" in shown
    assert "single-task" not in shown
    assert "baseline" in summary_sheet(found)
    assert cells_sheet(found).count("\n") == 1 + 2 * 2 * 5


@pytest.mark.parametrize(
    ("against", "message", "hint"),
    [
        ("crosstitch", "no variant 'crosstitch'", "did you mean 'cross-stitch'?"),
        ("x", "no variant 'x'", "variants: "),
    ],
)
def test_an_unknown_variant_is_refused(grid: Make, against: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        grid(("cross-stitch", "hard"), against=against)
    assert caught.value.message == f"--against: {message}"
    assert hint in str(caught.value.hint)


def test_one_variant_alone_has_nothing_to_be_held_against(grid: Make) -> None:
    with pytest.raises(UsageError, match="--against hard: no other variant"):
        grid("hard", against="hard")


def test_a_variant_that_cannot_be_trained_is_refused_with_the_reason(grid: Make) -> None:
    with pytest.raises(UsageError, match=r"--against: 'pcgrad' cannot be trained: "):
        grid(None, component_axis("balancer", "sum,pcgrad"), assignments=("sharing=none",), against="pcgrad")


def test_it_is_part_of_the_question(
    grid: Make, train: Callable[..., tuple[Comparison, Diary]], tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"seeds": (0,)}
    done, diary = train(grid(("none", "hard"), **asked, against="none"), tmp_path / "c")
    assert len(diary.trainings) == 2
    assert done.results["variants"][1]["tasks"]["even"]["gain"]["n"] == 1
    with pytest.raises(UsageError, match="holds another comparison"):
        train(grid(("none", "hard"), **asked), tmp_path / "c")


def test_results_of_nothing_trained_have_no_gain(grid: Make) -> None:
    laid_out = grid(("none", "hard"), seeds=(0,), against="none")
    found = made(laid_out, lambda *_: None)
    assert [row["tasks"]["even"]["gain"] for row in found["variants"]] == [None, None]


def test_what_is_held_against_lost_no_training(grid: Make) -> None:
    laid_out = grid(("cross-stitch", "hard"), seeds=(0, 1, 2), against="hard")
    assert made(laid_out, reached)["notes"] == []
