"""A run needs nothing outside its folder but its data: moved, it evaluates, exports and resumes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]

PLUGIN = """
from mtl import Component, hookimpl
from mtl.plugins.encoders.mlp import MLP

class Mine(MLP):
    pass

@hookimpl
def mtl_components():
    return [Component("encoder", "mine", "An encoder of mine", f"{__name__}:Mine")]
"""


@pytest.fixture
def moved(mtl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on a table named from the current folder, with a plugin file; all but its data is elsewhere."""
    made = tmp_path / "made"
    (made / "data").mkdir(parents=True)
    lines = ["file,colour"]
    for number in range(30):
        pixels = np.random.default_rng(number).integers(256, size=(12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made / "data" / f"{number}.png")
        lines.append(f"{number}.png,{('red', 'blue')[number % 2]}")
    (made / "data" / "photos.csv").write_text("\n".join(lines))
    (made / "mine.py").write_text(PLUGIN)
    monkeypatch.chdir(made)
    tiny = ("--encoder", "mine", "--set", "encoder.hidden=[8]", "--epochs", "2", "--device", "cpu")
    result = mtl("--plugin", "mine.py", "compose", "--data", "data/photos.csv", *tiny, "--out", "run")
    assert result.status == 0, result.err
    (made / "mine.py").unlink()
    there = tmp_path / "there"
    there.mkdir()
    shutil.move(made / "run", there / "run")
    monkeypatch.chdir(there)
    return there / "run"


def test_a_moved_run_evaluates_exports_and_resumes(mtl: Command, moved: Path) -> None:
    kept = ("--plugin", "run/plugins/mine.py")
    found = json.loads((moved / "metrics.json").read_text())
    evaluated = mtl(*kept, "evaluate", "run", "--json", "--device", "cpu")
    assert evaluated.status == 0, evaluated.err
    assert json.loads(evaluated.out)["metrics"]["colour"] == found["test"]["colour"]
    exported = mtl(*kept, "export", "run", "--to", "small.onnx", "--precision", "float16")
    assert exported.status == 0, exported.err
    weights = (moved / "model.onnx").read_bytes()
    for name in ("metrics.json", "model.onnx", "verify.json"):
        (moved / name).unlink()
    resumed = mtl(*kept, "resume", "run", "--device", "cpu")
    assert resumed.status == 0, resumed.err
    assert json.loads((moved / "metrics.json").read_text())["test"] == found["test"]
    assert (moved / "model.onnx").read_bytes() == weights


def test_data_that_are_not_there_are_named(mtl: Command, moved: Path) -> None:
    shutil.move(moved.parent.parent / "made" / "data", moved.parent / "data")
    result = mtl("--plugin", "run/plugins/mine.py", "evaluate", "run", "--device", "cpu")
    assert result.status == 2
    assert "made/data/photos.csv: there is no such file" in result.err
    now = moved.parent / "data"
    assert (
        f"put the data back there, or write into {Path('run') / 'recipe.yaml'} where they are now"
        in result.err
    )
    assert result.err.rstrip().endswith("dataset.file")
    recipe = moved / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(moved.parent.parent / "made" / "data"), str(now)))
    for command in ("evaluate", "export", "verify"):
        result = mtl("--plugin", "run/plugins/mine.py", command, "run")
        assert result.status == 0, result.err
