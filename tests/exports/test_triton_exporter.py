from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError, VerificationError
from mtl.exports import onnx_exporter
from mtl.exports.folder import check_folder
from mtl.exports.inference import ExportedModel
from mtl.exports.triton_exporter import TritonExporter, _quoted
from mtl.plugins.forms import Binary

from .conftest import LOOSE

CONFIG = """\
name: "tiny"
backend: "onnxruntime"
max_batch_size: 16
input {
  name: "image"
  data_type: TYPE_FP32
  dims: [ 1, 8, 8 ]
}
input {
  name: "number"
  data_type: TYPE_INT64
  dims: [ 1 ]
  reshape: { shape: [ ] }
}
output {
  name: "classify"
  data_type: TYPE_FP32
  dims: [ 3 ]
  label_filename: "labels-0-classify.txt"
}
output {
  name: "shade"
  data_type: TYPE_FP32
  dims: [ 3 ]
  label_filename: "labels-1-shade.txt"
}
output {
  name: "even-odd"
  data_type: TYPE_FP32
  dims: [ 1 ]
  reshape: { shape: [ ] }
  label_filename: "labels-2-even-odd.txt"
}
output {
  name: "count"
  data_type: TYPE_FP32
  dims: [ 2 ]
  label_filename: "labels-3-count.txt"
}
output {
  name: "de-noise"
  data_type: TYPE_FP32
  dims: [ 1, 8, 8 ]
}
dynamic_batching {
  max_queue_delay_microseconds: 250
}
"""


@pytest.fixture(scope="module")
def repository(exported, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("triton") / "repository"
    report = TritonExporter(model="tiny", batch=16, delay=250).export(exported.subject, path)
    assert report.files == (path, path / "tiny" / "config.pbtxt", path / "tiny" / "1" / "model.onnx")
    return path


@pytest.fixture(scope="module")
def messages():
    """Triton's own message types, as its client library carries them."""
    pytest.importorskip("google.protobuf", reason="needs protobuf")
    package = importlib.util.find_spec("tritonclient")
    if package is None:
        pytest.skip("needs tritonclient, which carries model_config.proto")
    # The file alone: the package around it wants grpc, which nothing here needs.
    file = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_repository_is_laid_out_as_triton_reads_it(repository):
    names = {file.relative_to(repository).as_posix() for file in repository.rglob("*") if file.is_file()}
    assert names == {
        "SHA256SUMS",
        "verify.json",
        "tiny/config.pbtxt",
        "tiny/1/model.onnx",
        "tiny/labels-0-classify.txt",
        "tiny/labels-1-shade.txt",
        "tiny/labels-2-even-odd.txt",
        "tiny/labels-3-count.txt",
    }
    assert check_folder(repository)
    labels = {file.name[7]: file.read_text().splitlines() for file in repository.glob("tiny/labels-*")}
    assert labels == {
        "0": ["cat", "dog", "owl"],
        "1": ["dark", "grey", "light"],
        "2": ["even"],
        "3": ["squares", "circles"],
    }


def test_the_configuration_is_as_expected(repository):
    assert (repository / "tiny" / "config.pbtxt").read_text() == CONFIG


def test_triton_s_own_messages_read_the_configuration(repository, messages):
    from google.protobuf import text_format

    config = text_format.Parse((repository / "tiny" / "config.pbtxt").read_text(), messages.ModelConfig())
    card = ExportedModel(repository / "tiny" / "1" / "model.onnx").card
    assert (config.name, config.backend, config.max_batch_size) == ("tiny", "onnxruntime", 16)
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    types = {messages.TYPE_FP32: "float32", messages.TYPE_INT64: "int64"}
    # What the model gets after Triton's reshaping is what the file says about itself, without the batch.
    found = {
        item.name: (
            types[item.data_type],
            list(item.reshape.shape if item.HasField("reshape") else item.dims),
        )
        for item in (*config.input, *config.output)
    }
    described = card.to_json()
    expected = {
        item["name"]: (item["dtype"], item["shape"][1:])
        for item in (*described["inputs"], *described["outputs"])
    }
    assert found == expected
    assert all(len(item.dims) > 0 for item in (*config.input, *config.output))
    for output in config.output:
        if output.label_filename:
            lines = (repository / "tiny" / output.label_filename).read_text().splitlines()
            assert len(lines) == output.dims[0]


@pytest.mark.parametrize("text", ['a"b', "back\\slash", "tab\there", "zwölf", "line\nbreak", "\x01"])
def test_any_name_survives_protobuf_s_text_format(text, messages):
    from google.protobuf import text_format

    assert text_format.Parse(f"name: {_quoted(text)}", messages.ModelConfig()).name == text


def test_bytes_are_declared_for_a_model_that_reads_bytes(exported, tmp_path):
    TritonExporter(input="uint8").export(exported.subject, tmp_path / "repository")
    text = (tmp_path / "repository" / "model" / "config.pbtxt").read_text()
    assert 'name: "image"\n  data_type: TYPE_UINT8\n  dims: [ 1, 8, 8 ]' in text


def test_it_verifies_what_it_wrote_and_nothing_else(exported, repository, tmp_path):
    assert TritonExporter.recognizes(repository)
    assert TritonExporter().verify(exported.subject, repository)["passed"] is True
    changed = tmp_path / "repository"
    TritonExporter().export(exported.subject, changed)
    with (changed / "model" / "config.pbtxt").open("a") as stream:
        stream.write(" ")
    with pytest.raises(VerificationError, match=r"model/config\.pbtxt was changed"):
        TritonExporter().verify(exported.subject, changed)


def test_a_changed_file_is_named_without_the_run_too(repository, tmp_path):
    with pytest.raises(UsageError, match="lies in no run folder"):
        TritonExporter().check(repository, ())
    shutil.copytree(repository, tmp_path / "repository")
    (tmp_path / "repository" / "tiny" / "config.pbtxt").write_text("")
    with pytest.raises(VerificationError, match=r"tiny/config\.pbtxt was changed"):
        TritonExporter().check(tmp_path / "repository", ())


def test_a_task_stays_in_float_when_it_is_asked_for(exported, tmp_path):
    exporter = TritonExporter(precision="int8", keep_float=("count",), calibration=32, max_drop=LOOSE)
    report = exporter.export(exported.subject, tmp_path / "repository")
    settings = report.verification["settings"]
    assert settings["keep_float"] == ["count"]
    assert settings["calibration"]["samples"] == 32


def test_nothing_is_published_when_the_model_fails_its_gate(exported, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise VerificationError("other numbers")

    monkeypatch.setattr(onnx_exporter, "verify_written", refuse)
    with pytest.raises(VerificationError, match="other numbers"):
        TritonExporter().export(exported.subject, tmp_path / "repository")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["two\nlines", " space", "a\u2028b"])
def test_a_label_that_is_no_line_is_refused(exported, tmp_path, label):
    targets = {**exported.subject.targets, "even-odd": Binary(label, "odd")}
    with pytest.raises(UsageError, match="cannot stand in a label file"):
        TritonExporter().export(replace(exported.subject, targets=targets), tmp_path / "repository")
    assert list(tmp_path.iterdir()) == []
