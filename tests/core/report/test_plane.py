"""The plane of narrow layers."""

from __future__ import annotations

from mtl.core.report.plane import plane


def test_every_group_has_a_colour_and_its_name_at_its_middle() -> None:
    drawn = plane({"a": [(0, 0), (1, 1), (9, 9)], "b": [(5, 2)]}, label="l", x_title="x", y_title="y")
    assert drawn.count("<circle") == 4
    assert ">a</text>" in drawn
    assert "hsl(180 65% 48%)" in drawn


def test_points_that_are_not_finite_are_left_out() -> None:
    assert "No finite values" in plane({"a": [(float("nan"), 1.0)]}, label="l", x_title="x", y_title="y")


def test_a_group_without_points_is_no_problem() -> None:
    drawn = plane({"a": [], "<b>": [(1, 1)]}, label="l", x_title="x", y_title="y")
    assert "&lt;b&gt;" in drawn
