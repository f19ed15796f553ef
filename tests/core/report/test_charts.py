"""Axes and lines."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.report.charts import WIDTH, Series, line_chart, scatter, ticks

VALUES = st.floats(-1e12, 1e12, allow_nan=False)


@settings(deadline=None, max_examples=25)
@given(low=VALUES, span=st.floats(1e-6, 1e9))
def test_ticks_are_few_rising_and_inside(low: float, span: float) -> None:
    high = low + max(span, abs(low) * 1e-3)
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))
    margin = (high - low) * 1e-6
    assert low - margin <= found[0]
    assert found[-1] <= high + margin


def numbers(drawing: str) -> list[float]:
    found = re.findall(r' (?:cx|cy|x1|x2|y1|y2|x|y)="([^"]+)"', drawing)
    found += re.findall(r"-?\d+\.\d", "".join(re.findall(r' d="([^"]+)"', drawing)))
    return [float(text) for text in found]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=30))
def test_everything_drawn_lies_inside_the_drawing(values: list[float]) -> None:
    points = [(float(index + 1), value) for index, value in enumerate(values)]
    lines = [Series("a", points, "train")]
    drawn = numbers(line_chart(lines, label="x", x_title="epoch"))
    drawn += numbers(line_chart(lines, label="x", x_title="epoch", logarithmic=True, level=0.5))
    drawn += numbers(scatter([(value, value) for value in values], label="x", x_title="", y_title=""))
    assert drawn
    assert all(-1 <= number <= WIDTH + 1 for number in drawn)


def test_values_that_are_not_finite_leave_a_gap_in_the_line() -> None:
    points = [(1.0, 1.0), (2.0, math.nan), (3.0, 2.0), (4.0, 3.0)]
    drawing = line_chart([Series("a", points, "train")], label="x", x_title="epoch")
    path = re.findall(r'<path d="([^"]+)" class="line', drawing)[0]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert drawing.count("<circle") == 3


def test_long_lines_have_no_dots() -> None:
    points = [(float(epoch), 1 / epoch) for epoch in range(1, 500)]
    assert "<circle" not in line_chart([Series("a", points, "train")], label="x", x_title="epoch")


@pytest.mark.parametrize("points", [[], [(1.0, math.nan)]])
def test_nothing_to_draw_is_said_in_words(points: list[tuple[float, float]]) -> None:
    assert "No finite values" in line_chart([Series("a", points, "train")], label="x", x_title="epoch")
    assert "No finite values" in scatter(points, label="x", x_title="", y_title="")


def test_the_kept_epoch_is_marked_where_it_is() -> None:
    points = [(float(epoch), 1.0) for epoch in range(1, 6)]
    drawing = line_chart([Series("a", points, "train")], label="x", x_title="epoch", mark=(3.0, "kept: 3"))
    place = re.search(r'<g class="mark"><line x1="([^"]+)"', drawing)
    dots = re.findall(r'cx="([^"]+)"', drawing)
    assert "kept: 3" in drawing
    assert place is not None
    assert place[1] == dots[2]


def test_epochs_are_whole_numbers_on_the_axis() -> None:
    points = [(float(epoch), 1.0) for epoch in range(1, 4)]
    drawing = line_chart([Series("a", points, "train")], label="x", x_title="epoch")
    labels = re.findall(r'text-anchor="middle">([^<]+)</text>', drawing)
    assert labels[:3] == ["1", "2", "3"]
