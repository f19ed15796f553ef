"""Files for other runtimes: proven there, published whole, and refused when they are something else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mtl.core.base.errors import ComponentError, MissingRequirementError, UsageError, VerificationError
from mtl.core.contracts import ExportPlan
from mtl.exports.benchmarking import Bounds, bench
from mtl.exports.elsewhere import runtime
from mtl.exports.elsewhere.answering import open_export
from mtl.exports.elsewhere.coreml_exporter import CoreMlExporter
from mtl.exports.elsewhere.environment import variable
from mtl.exports.elsewhere.executorch_exporter import ExecuTorchExporter
from mtl.exports.elsewhere.exporter import RuntimeExporter
from mtl.exports.elsewhere.litert_exporter import LiteRtExporter
from mtl.exports.elsewhere.ncnn_exporter import NcnnExporter
from mtl.exports.elsewhere.openvino_exporter import OpenVinoExporter
from mtl.exports.folder import SUMS, sums_of
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.session import ALLOWED

from ..conftest import Exported, tiny_subject

EXPORTERS = (OpenVinoExporter, NcnnExporter, CoreMlExporter, ExecuTorchExporter, LiteRtExporter)
LARGE = {CoreMlExporter, ExecuTorchExporter, LiteRtExporter}
"""Their packages are large, and slow to import."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            exporter, marks=[pytest.mark.slow] if exporter in LARGE else [], id=exporter.runtime.name
        )
        for exporter in EXPORTERS
        if exporter.runtime.proven
    ],
)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, exported: Exported
) -> Exported:
    exporter: type[RuntimeExporter] = request.param
    environment = os.environ.get(variable(exporter.runtime))
    if environment is None and exporter.runtime.absent:
        pytest.skip(f"needs {exporter.runtime.title}, or {variable(exporter.runtime)}")
    folder = tmp_path_factory.mktemp("elsewhere") / exporter.runtime.name
    subject = tiny_subject()
    if exporter is NcnnExporter:  # it cannot compare a number with each of a row
        subject = subject.only([task for task in subject.targets if task != "classify"])
    with pytest.MonkeyPatch.context() as patch:
        if exporter is OpenVinoExporter:  # the same file, traced once for all tests
            patch.setattr(exporter, "source", lambda self, export: exported.path.read_bytes())
        exporter(python=environment).export(subject, folder)
    return Exported(subject, folder)


def exporter_of(path: Path) -> RuntimeExporter:
    return next(exporter() for exporter in EXPORTERS if exporter.recognizes(path))


def test_the_folder_is_whole_and_its_proof_covers_every_batch(written: Exported) -> None:
    exporter = exporter_of(written.path)
    names = {item.name for item in written.path.iterdir()}
    assert names == {*exporter.runtime.files, "runtime.json", "verify.json", SUMS}
    proof = json.loads((written.path / "verify.json").read_text())
    assert proof["passed"]
    assert proof["worst"]["difference"] < 1e-5
    assert proof["tasks"] == list(written.subject.targets)
    assert {1, 2, 7, 64} <= {case["batch"] for case in proof["cases"]}
    assert exporter.verify(written.subject, written.path)["worst"] == proof["worst"]


def test_it_answers_and_is_measured_as_a_file_is(written: Exported) -> None:
    model = open_export(written.path, ALLOWED, None)
    numbers = {"number": 3} if "number" in model.card.input_names else {}
    answers = model.run(written.subject.samples["image"][:3], **numbers)
    assert list(answers) == list(written.subject.targets)
    assert answers["count"].shape == (3, 2)
    result = bench(written.path, [2], 0.0, Bounds(60.0, ALLOWED))
    assert result.runtime.startswith(written.path.name)
    assert result.timings[0].calls >= 10


def test_another_model_is_refused(written: Exported) -> None:
    subject = tiny_subject()
    with torch.no_grad():
        subject.model.shade.weight[0, 0] += 0.01
    with pytest.raises(VerificationError, match="does not compute what the trained model computes"):
        exporter_of(written.path).verify(subject, written.path)


def test_a_changed_file_is_named(written: Exported, tmp_path: Path) -> None:
    folder = copied(written, tmp_path)
    file = folder / exporter_of(folder).runtime.files[-1]
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    with pytest.raises(VerificationError, match=f"{file.name} was changed"):
        exporter_of(folder).verify(written.subject, folder)


@pytest.mark.parametrize(
    "spoil", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\0" * 99]
)
def test_a_broken_model_with_fresh_sums_is_refused_in_words(
    written: Exported, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    folder = copied(written, tmp_path)
    exporter = exporter_of(folder)
    file = folder / exporter.runtime.files[0]
    file.write_bytes(spoil(file.read_bytes()))
    sealed(folder)
    with pytest.raises(VerificationError, match=f"cannot be opened in {exporter.runtime.title}"):
        exporter.verify(written.subject, folder)


def test_an_onnx_file_by_the_name_of_a_description_is_not_read(written: Exported, tmp_path: Path) -> None:
    if written.path.name != "openvino":
        pytest.skip("OpenVINO alone reads every format by every name")
    folder = copied(written, tmp_path)
    (folder / "model.xml").write_bytes(onnx_file_with_weights_elsewhere())
    sealed(folder)
    with pytest.raises(VerificationError, match=r"cannot be opened in OpenVINO: model\.xml is no XML"):
        OpenVinoExporter().verify(written.subject, folder)


def onnx_file_with_weights_elsewhere() -> bytes:
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/hostname")
    return onnx.ModelProto(ir_version=9, graph=onnx.GraphProto(initializer=[weight])).SerializeToString()


def test_what_the_account_says_must_be_what_a_reader_can_use(written: Exported, tmp_path: Path) -> None:
    folder = copied(written, tmp_path)
    exporter = exporter_of(folder)
    manifest = json.loads((folder / "runtime.json").read_text())
    for wrong in (
        {"runtime": exporter.runtime.name},
        {**manifest, "properties": {"mtl.format": 1}},
        {**manifest, "told": 3},
    ):
        (folder / "runtime.json").write_text(json.dumps(wrong))
        sealed(folder)
        with pytest.raises(UsageError, match=r"runtime.json: cannot be read"):
            exporter.verify(written.subject, folder)


def test_a_refused_export_leaves_what_was_there(
    written: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(written, tmp_path)
    before = sums_of(folder)
    monkeypatch.setattr(RuntimeExporter, "source", lambda self, export: b"no model")
    with pytest.raises(ComponentError, match="cannot hold the model"):
        OpenVinoExporter().export(written.subject, folder)
    assert sums_of(folder) == before


def test_what_ncnn_lacks_is_named(
    tmp_path: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pnnx")
    monkeypatch.setattr(NcnnExporter, "source", lambda self, export: exported.path.read_bytes())
    with pytest.raises(ComponentError, match=r"ncnn has no operator .*torch\.eq"):
        NcnnExporter().export(exported.subject, tmp_path / "ncnn")
    assert not (tmp_path / "ncnn").exists()


def test_what_only_onnx_has_a_name_for_is_named(
    tmp_path: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pnnx")
    image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 1, 8, 8])
    answer = onnx.helper.make_tensor_value_info("classify", onnx.TensorProto.FLOAT, ["batch", 1])
    axes = onnx.numpy_helper.from_array(np.array([2, 3]), "axes")
    node = onnx.helper.make_node("ReduceMax", ["image", "axes"], ["classify"], keepdims=0)
    number = onnx.helper.make_tensor_value_info("number", onnx.TensorProto.INT64, ["batch"])
    graph = onnx.helper.make_graph([node], "largest", [image, number], [answer], [axes])
    versions = {"ir_version": 9, "opset_imports": [onnx.helper.make_opsetid("", 18)]}
    model = onnx.helper.make_model(graph, **versions)
    monkeypatch.setattr(NcnnExporter, "source", lambda self, export: model.SerializeToString())
    with pytest.raises(ComponentError, match="ncnn has no operator ReduceMax"):
        NcnnExporter().export(exported.subject, tmp_path / "ncnn")


def test_tract_answers_as_the_model_does(exported: Exported) -> None:
    pytest.importorskip("tract")
    report = OnnxExporter().verify_in(exported.subject, exported.path, ("tract",))["tract"]
    assert report["worst"]["difference"] < 1e-5
    assert report["versions"]["tract"]


def test_openvino_is_not_to_send_what_is_called(exported: Exported) -> None:
    if OpenVinoExporter.runtime.absent:
        pytest.skip("needs OpenVINO")
    code = (
        "import sys, pathlib; from mtl.exports.runtimes import open_openvino;"
        "open_openvino(pathlib.Path(sys.argv[1]).read_bytes());"
        "sys.exit(any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, exported.path], timeout=300).returncode == 0


def test_without_the_package_it_is_said_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    for exporter in EXPORTERS:
        with pytest.raises(MissingRequirementError, match="is not installed") as caught:
            exporter().check_plan(ExportPlan({}, {}))
        assert f"mtl-composer[{exporter.runtime.name}]" in str(caught.value)
        exporter(isolated=True).check_plan(ExportPlan({}, {}))


def copied(written: Exported, place: Path) -> Path:
    return Path(shutil.copytree(written.path, place / written.path.name))


def sealed(folder: Path) -> None:
    (folder / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sums_of(folder).items()))
