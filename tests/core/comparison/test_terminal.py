"""The table on a terminal names its rows as they are."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.core.cli.comparison import print_comparison
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
