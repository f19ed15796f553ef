"""The table on a terminal names its rows as they are."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.core.cli.comparison import CellLines, print_comparison
from mtl.core.comparison.comparison import Comparison
from mtl.core.report.numbers import duration


def test_a_list_in_a_name_is_no_markup(
    trained: Comparison,
    results: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    for row, name in zip(results["variants"], ("augmentations=[flip]", "root=[/data/a]"), strict=True):
        row["name"] = name
    print_comparison(replace(trained, path=Path("c"), results=results))
    shown = capsys.readouterr().out
    assert "augmentations=[flip]" in shown
    assert "root=[/data/a]" in shown


def test_what_runs_where_is_told_once_a_minute_and_not_of_one_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = CellLines()
    lines.started(4, 0, 0)
    lines.at_work({"hard, seed 0": "node-1 cuda:0"})
    for _ in range(2):
        lines.at_work({"hard, seed 0": "node-1 cuda:0", "none, seed 0": "node-2 cuda:3"})
    said = capsys.readouterr().err
    assert said == ("4 trainings\nat work: hard, seed 0 on node-1 cuda:0; none, seed 0 on node-2 cuda:3\n")


def test_what_other_drivers_trained_is_said_to_be_theirs_and_tells_nothing_of_the_time_left(
    grid: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 0.0, 60.0])
    monkeypatch.setattr("mtl.core.cli.comparison.time.perf_counter", lambda: next(now))
    lines, cells = CellLines(), grid().cells
    lines.started(len(cells), 0, 0)
    lines.trained_elsewhere(cells[0], 0.1, {"even": 0.5})
    lines.failed_elsewhere(cells[1], "no luck")
    lines.trained(cells[2], 60.0, {"even": 0.5})
    said = capsys.readouterr().err.splitlines()
    assert said[1].endswith(": even 0.5000  (elsewhere, 0.1 s)")
    assert said[2].endswith(": failed: no luck  (elsewhere)")
    assert said[3].endswith(f"(60.0 s, about {duration(60 * (len(cells) - 3))} left)")
