"""Values are proven in units of their spread: what suits values near 1 says nothing of millions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import numpy_helper

from mtl.core.base.errors import VerificationError
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.run import Run, load_run
from mtl.exports.onnx_model import file_of
from mtl.exports.proof import proof_path

SCALES = [1e-6, 1.0, 1e9]


@pytest.fixture(scope="module")
def measured() -> Registry:
    return discover((Path(__file__).parents[1] / "core" / "measured.py",))


@pytest.fixture(scope="module", params=SCALES, ids=str)
def run(request: pytest.FixtureRequest, measured: Registry, tmp_path_factory: pytest.TempPathFactory) -> Run:
    tree: dict[str, Any] = {
        "dataset": {"name": "measured", "count": 200, "scale": request.param, "shift": 5 * request.param},
        "tasks": {"value": {"task": "column"}, "kind": {"task": "column", "column": "kind"}},
        "encoder": {"name": "mlp", "hidden": [16]},
        "test_time_augmentation": "mirror",
        "train": {"epochs": 2, "batch_size": 8},
    }
    path = tmp_path_factory.mktemp("runs") / "run"
    pipeline = Pipeline(measured, torch.device("cpu"), publishes=False)
    pipeline.finish(pipeline.train(pipeline.start(read(RecipeSource(tree), measured), path)))
    return load_run(path, measured)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"raw": True},
        {"input": "uint8"},
        {"precision": "float16"},
        {"precision": "int8", "max_drop": {"kind": 9.0, "value": 20.0}},
    ],
    ids=lambda options: "-".join(map(str, options.values()))[:16],
)
def test_every_form_of_a_file_answers_in_units(run: Run, tmp_path: Path, options: dict[str, Any]) -> None:
    report = run.export(tmp_path / "model.onnx", **options)
    assert report.files[0].is_file()


def test_a_part_and_a_torch_program_answer_in_units(run: Run, tmp_path: Path) -> None:
    run.export(tmp_path / "part.onnx", tasks=["value"])
    run.export(tmp_path / "model.pt2", exporter="torch-export")


def test_a_file_that_is_off_by_a_tenth_of_the_spread_is_refused(run: Run, tmp_path: Path) -> None:
    path = run.export(tmp_path / "model.onnx").files[0]
    model = onnx.load(path)
    moved = []
    for tensor in model.graph.initializer:
        if tensor.name.endswith("standardizations.0.mean"):
            spread = run.model.standardization("value").std.numpy()
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor) + 0.1 * spread, tensor.name)
            )
            moved.append(tensor.name)
    assert moved == ["standardizations.0.mean"]
    path.write_bytes(file_of(model))  # with a sum that agrees
    proof_path(path).unlink()  # its sum of the file would tell
    with pytest.raises(VerificationError, match="'value'"):
        run.verify(path)
