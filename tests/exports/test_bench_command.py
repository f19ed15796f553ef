from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.exports.bench_command import bench
from mtl.exports.benchmarking import files_of, metrics_of
from mtl.exports.elsewhere import runtime as elsewhere_runtime
from mtl.exports.elsewhere.answering import open_export
from mtl.exports.inference import ExportedModel
from mtl.exports.session import ALLOWED


def run(*arguments: object) -> str:
    """Return what the command prints; its errors pass through."""
    given = [str(item) for item in arguments]
    result = CliRunner().invoke(bench, [*given, "--seconds", "0.005"], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_table_has_a_row_per_file_with_every_batch_and_the_quality(exported, exported_int8):
    lines = run(exported.path, exported_int8.path, "--batch", "1,8").splitlines()
    assert lines[0].split("  ")[0] == "file"
    assert all(f"{what} @{batch}" in lines[0] for what in ("p50", "p95", "img/s") for batch in (1, 8))
    assert "int8" in lines[2]
    assert "accuracy" in lines[2]


@pytest.mark.parametrize("runtime", ["tract", pytest.param("openvino", marks=pytest.mark.slow)])
def test_an_onnx_file_is_measured_in_every_runtime_that_is_named(exported, runtime):
    if elsewhere_runtime.RUNTIMES_ELSEWHERE[runtime].absent:
        pytest.skip(f"needs {runtime}")
    found = json.loads(run(exported.path, "--json", "--batch", "2", "--runtime", f"onnxruntime,{runtime}"))
    names = [result["runtime"].split(" ") for result in found["results"]]
    assert [name for name, _ in names] == ["onnxruntime", runtime]
    assert names[1][1] == version(runtime).partition("-")[0]
    assert found["results"][1]["timings"][0]["calls"] >= 10


def test_an_onnx_file_answers_elsewhere_as_here_and_within_its_memory(exported):
    pytest.importorskip("tract")
    elsewhere = open_export(exported.path, ALLOWED, None, "tract")
    images = exported.subject.samples["image"][:3]
    here = ExportedModel(exported.path).run(images, number=2)
    for task, values in elsewhere.run(images, number=2).items():
        np.testing.assert_allclose(values, here[task], atol=1e-5)
    with pytest.raises(UsageError, match=r"needs more than 0 MiB|cannot be opened in tract"):
        open_export(exported.path, 1, None, "tract").run(images, number=2)


@pytest.mark.parametrize(
    ("runtime", "hint"),
    [("trakt", "did you mean 'tract'"), ("ncnn", "mtl export RUN --format ncnn"), ("", "")],
)
def test_a_runtime_that_reads_no_onnx_file_is_refused(runtime, hint, exported):
    with pytest.raises(UsageError, match="ONNX files are not measured in") as caught:
        run(exported.path, "--runtime", runtime)
    assert hint in (caught.value.hint or "")


def test_a_runtime_that_is_not_there_is_said_to_be(exported, monkeypatch):
    monkeypatch.setattr(elsewhere_runtime, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirementError, match="tract is not installed"):
        run(exported.path, "--runtime", "tract")


def test_json_tells_everything_in_numbers(exported_int8):
    (result,) = json.loads(run(exported_int8.path, "--json"))["results"]
    assert result["precision"] == "int8"
    assert result["bytes"] == exported_int8.path.stat().st_size
    assert [timing["batch"] for timing in result["timings"]] == [1, 8, 64]
    for timing in result["timings"]:
        assert 0 < timing["p50_ms"] <= timing["p95_ms"]
        assert timing["calls"] >= 10
    assert set(result["metrics"]["count"]) == {"rmse"}


def test_a_folder_stands_for_the_files_in_it(exported, exported_half, tmp_path):
    shutil.copy(exported_half.path, tmp_path / "half.onnx")
    shutil.copy(exported.path, tmp_path / "model.onnx")
    assert files_of([tmp_path, tmp_path / "half.onnx"]) == [tmp_path / "model.onnx", tmp_path / "half.onnx"]


def test_a_triton_repository_stands_for_its_models(exported, tmp_path):
    place = tmp_path / "digits" / "1"
    place.mkdir(parents=True)
    shutil.copy(exported.path, place / "model.onnx")
    assert files_of([tmp_path]) == [place / "model.onnx"]


def test_the_proof_beside_a_rounded_file_says_how_good_it_is(exported_int8, tmp_path):
    path = Path(shutil.copy(exported_int8.path, tmp_path))
    card = ExportedModel(path).card
    assert metrics_of(path, card) == {}
    shutil.copy(exported_int8.path.with_name("verify.json"), tmp_path)
    assert set(metrics_of(path, card)) == set(exported_int8.subject.targets)


def test_a_float32_file_is_shown_by_the_metric_that_its_rounded_forms_are_judged_by(exported, tmp_path):
    recipe = {"tasks": {"count": {"metrics": [{"name": "histogram"}, {"name": "rmse"}, {"name": "mae"}]}}}
    measured = {"count": {"loss": 0.1, "mae": 0.2, "rmse": 0.3}, "classify": {"accuracy": 0.9}}
    card = ExportedModel(exported.path).card
    card = replace(card, metadata={**card.metadata, "recipe": recipe, "test_metrics": measured})
    shutil.copy(exported.path, tmp_path / "model.onnx")
    assert metrics_of(tmp_path / "model.onnx", card) == {"count": ("rmse", 0.3)}


def test_a_foreign_model_is_refused(tmp_path):
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    opset = [onnx.helper.make_opsetid("", 20)]
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=opset), tmp_path / "other.onnx")
    with pytest.raises(UsageError, match=r"other\.onnx is not a model exported by mtl: it has no"):
        run(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.onnx",), "nowhere.onnx does not exist"),
        ((".",), "holds no ONNX file"),
        (("x.onnx", "--batch", "one"), "is no list of batch sizes"),
        (("x.onnx", "--batch", "0"), "is no list of batch sizes"),
    ],
)
def test_mistakes_are_said_in_one_line(arguments, message, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        run(*arguments)


def test_a_time_that_is_none_is_refused(exported):
    result = CliRunner().invoke(bench, [str(exported.path), "--seconds", "nan"], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
