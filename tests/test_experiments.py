"""The command that repeats the experiments says so when an exported file reaches other metrics."""

from __future__ import annotations

import importlib
import json
from argparse import Namespace
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.registry import Registry

ROOT = Path(__file__).parents[1]
DIGITS = ("dataset=digits", "tasks.denoise.head.width=2", "tasks.denoise.head.depth=1")


@pytest.fixture
def experiments(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.experiments")


@pytest.mark.parametrize(
    ("trained", "exported", "apart"),
    [
        ({"x": 2.0}, {"x": 2.0}, 0.0),
        ({"x": 2.0}, {"x": 2.5}, 0.25),
        ({"x": 2.0, "y": 1.0}, {"x": 2.0, "y": nan}, inf),
        ({"x": nan}, {"x": 1.0}, inf),
        ({}, {"x": 1.0}, inf),
        ({"x": nan}, {"x": nan}, 0.0),
        ({"x": None}, {"x": nan}, 0.0),
        ({"x": 0.0}, {"x": 0.002}, 2.0),
        ({"x": 2.0, "y": 1.0}, {"x": 2.0}, inf),
        ({"x": 2.0, "loss": 1.0}, {"x": 2.0}, 0.0),
        ({"x": 2.0}, {}, inf),
        ({}, {}, inf),
    ],
)
def test_how_far_an_exported_file_is(
    experiments: Any, trained: dict[str, Any], exported: dict[str, float], apart: float
) -> None:
    assert experiments.largest_difference({"t": trained}, {"t": exported}) == pytest.approx(apart)


def run(experiments: Any, registry: Registry, tmp_path: Path, epochs: int = 1) -> bool:
    job = experiments.Job("mnist-denoise-classify-best", DIGITS, False)
    arguments = Namespace(
        data_dir=None,
        device="cpu",
        epochs=epochs,
        precision=None,
        runs=tmp_path / "runs",
        results=tmp_path / "results",
    )
    agreed: bool = experiments.run_job(job, 0, arguments, registry)
    return agreed


def test_a_run_is_kept_and_its_verdict_holds_when_it_is_not_run_again(
    experiments: Any, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    assert run(experiments, registry, tmp_path)
    (file,) = (tmp_path / "results").iterdir()
    result = json.loads(file.read_text())
    assert [kept["seed"] for kept in result["runs"]] == [0]
    assert (result["runs"][0]["epochs"], result["runs"][0]["recipe_epochs"]) == (1, 20)
    assert set(result["runs"][0]["onnx"]) == {"denoise", "classify"}
    assert result["runs"][0]["cpu_seconds"] > 0
    capsys.readouterr()
    assert run(experiments, registry, tmp_path)
    assert "epoch" not in capsys.readouterr().err
    result["runs"][0]["onnx_difference"] = 0.5
    file.write_text(json.dumps(result))
    assert not run(experiments, registry, tmp_path)
    assert "a test metric is off by 50 % of its value" in capsys.readouterr().err


@pytest.mark.parametrize("hash_", ["another", None], ids=["an older recipe", "this recipe"])
def test_a_training_cut_short_never_replaces_a_whole_one(
    experiments: Any, registry: Registry, tmp_path: Path, hash_: str | None
) -> None:
    (tmp_path / "results").mkdir()
    assert run(experiments, registry, tmp_path)
    (file,) = (tmp_path / "results").iterdir()
    result = json.loads(file.read_text())
    (kept,) = result["runs"]
    result["runs"] = [kept | {"epochs": 20, "experiment": hash_ or kept["experiment"]}]
    file.write_text(json.dumps(result))
    with pytest.raises(SystemExit, match="holds trainings as the recipe says"):
        run(experiments, registry, tmp_path, epochs=2)
    assert json.loads(file.read_text()) == result
