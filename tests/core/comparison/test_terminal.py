"""The table on a terminal names its rows as they are."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.core.cli.comparison import CellLines, print_comparison
from mtl.core.comparison.comparison import Comparison


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
