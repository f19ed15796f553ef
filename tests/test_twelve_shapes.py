"""Data as people have it, in twelve shapes: one command each, without code, ends in a verified file."""

from __future__ import annotations

import json
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "examples" / "own-data" / "twelve_shapes.py"
SHAPES = runpy.run_path(str(SCRIPT))["SHAPES"]
TASKS = {
    "one-table": {"colour", "night", "covered"},
    "holes": {"colour", "covered"},
    "parquet": {"colour", "covered"},
    "metadata": {"colour"},
    "class-folders": {"classify"},
    "masks": {"outline"},
    "depth-maps": {"distance"},
    "keypoints": {"categories", "points"},
    "rows-alone": {"price", "dear"},
    "pictures-and-numbers": {"size"},
    "tags": {"words"},
    "two-sources": {"colour", "covered"},
}


def test_there_are_twelve() -> None:
    assert len(SHAPES) == 12
    assert set(TASKS) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_one_command_ends_in_a_verified_file(name: str, mtl: Callable[..., Any], tmp_path: Path) -> None:
    command = SHAPES[name](tmp_path / "data")
    out = tmp_path / "run"
    done = mtl("compose", *shlex.split(command), "--epochs", "1", "--device", "cpu", "--out", str(out))
    assert done.status == 0, done.err
    assert set(json.loads((out / "metrics.json").read_text())["test"]) == TASKS[name]
    assert json.loads((out / "verify.json").read_text())["passed"] is True
