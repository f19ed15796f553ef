from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from mtl.core.base.errors import ComponentError, UsageError
from mtl.core.contracts import ExportSubject
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.core.discovery.options import options_model, validate_options
from mtl.exports import onnx_exporter
from mtl.exports.export import Export
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model
from mtl.plugins.forms import Categorical

from .conftest import tiny_subject

CONFTEST = Path(__file__).with_name("conftest.py")


class Linear(nn.Module):
    """The smallest model of one task."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task
        self.layer = nn.Linear(4, 2)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self.task: self.layer(image.flatten(1))}


class FixedBatch(Linear):
    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self.task: self.layer(image.reshape(2, 4))}


class Branching(Linear):
    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self.task: self.layer(image.flatten(1) if image.sum() > 0 else -image.flatten(1))}


def small(model: nn.Module, task: str = "classify", inputs: tuple[InputSpec, ...] = ()) -> ExportSubject:
    return ExportSubject(
        model=model,
        image=ImageSpec(1, 2, 2),
        inputs=inputs,
        targets={task: Categorical(("a", "b"))},
        samples={"image": np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2) * 16}
        | {spec.name: np.zeros(4, dtype=np.int64) for spec in inputs},
        metadata={},
    )


def session_of(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_an_export_is_the_model_and_its_proof_and_nothing_else(exported):
    assert sorted(item.name for item in exported.path.parent.iterdir()) == ["model.onnx", "verify.json"]


def test_the_proof_names_the_bytes_it_is_about(exported):
    proof = json.loads(exported.path.with_name("verify.json").read_text())
    data = exported.path.read_bytes()
    assert proof["passed"] is True
    assert proof["file"] == {
        "name": "model.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }


def test_outputs_are_named_after_the_tasks_in_their_order(exported):
    outputs = session_of(exported.path).get_outputs()
    assert [output.name for output in outputs] == list(exported.subject.targets)


def test_every_batch_dimension_is_called_batch(exported):
    session = session_of(exported.path)
    assert {value.shape[0] for value in (*session.get_inputs(), *session.get_outputs())} == {"batch"}


def test_the_file_holds_no_trace_of_where_it_was_made(exported):
    data = exported.path.read_bytes()
    for trace in (b".py", b"site-packages", b"stack_trace", b"forward", str(Path.home()).encode(), b"Tiny"):
        assert trace not in data


@pytest.mark.usefixtures("traced_anew")
def test_the_same_weights_give_the_same_bytes_whatever_their_layout_and_mode(exported, tmp_path):
    model = copy.deepcopy(exported.subject.model).to(memory_format=torch.channels_last).train()
    OnnxExporter().export(dataclasses.replace(exported.subject, model=model), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported.path.read_bytes()


def test_another_process_gives_the_same_bytes(exported, tmp_path):
    script = (
        "import runpy, sys, pathlib\n"
        "from mtl.exports.onnx_exporter import OnnxExporter\n"
        "subject = runpy.run_path(sys.argv[1])['tiny_subject']()\n"
        "OnnxExporter().export(subject, pathlib.Path(sys.argv[2]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(CONFTEST), str(tmp_path / "other.onnx")],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    assert (tmp_path / "other.onnx").read_bytes() == exported.path.read_bytes()


def test_exporting_leaves_the_model_as_it_was_and_prints_nothing(tmp_path, capfd):
    subject = small(Linear("classify").train())
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    OnnxExporter().export(subject, tmp_path / "model.onnx")
    assert subject.model.training
    assert all(torch.equal(value, before[name]) for name, value in subject.model.state_dict().items())
    assert capfd.readouterr() == ("", "")


def test_the_raw_form_answers_with_logits(exported, exported_raw):
    feed = {"image": np.full((1, 1, 8, 8), 0.5, np.float32), "number": np.zeros(1, np.int64)}
    (raw,) = session_of(exported_raw.path).run(["classify"], feed)
    (answer,) = session_of(exported.path).run(["classify"], feed)
    np.testing.assert_allclose(np.exp(raw) / np.exp(raw).sum(), answer, rtol=1e-5)
    assert not np.allclose(raw, answer)


def test_the_uint8_form_answers_the_same_from_bytes(exported, exported_bytes):
    pixels = exported.subject.samples["image"][:3]
    number = np.array([0, 1, 4])
    tasks = list(exported.subject.targets)
    floats = session_of(exported.path).run(
        tasks, {"image": pixels.astype(np.float32) / np.float32(255), "number": number}
    )
    whole = session_of(exported_bytes.path).run(tasks, {"image": pixels, "number": number})
    for one, two in zip(floats, whole, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_task_may_have_the_name_of_a_value_inside_the_graph(tmp_path):
    path = tmp_path / "model.onnx"
    OnnxExporter().export(small(Linear("softmax"), "softmax"), path)
    task = onnx.load(path).graph.node[0].output[0]
    OnnxExporter().export(small(Linear(task), task), path)
    graph = onnx.load(path).graph
    assert [output.name for output in graph.output] == [task]
    assert graph.node[0].output[0] == f"{task}_"


def test_a_task_may_have_the_name_of_a_weight(tmp_path):
    path = tmp_path / "model.onnx"
    OnnxExporter().export(small(Linear("layer.weight"), "layer.weight"), path)
    assert "layer.weight_" in {tensor.name for tensor in onnx.load(path).graph.initializer}


@pytest.mark.parametrize(
    ("task", "inputs", "message"),
    [
        (
            "image",
            (),
            "task 'image' has the name of the input image; in the exported file each needs its own",
        ),
        (
            "number",
            (InputSpec("number", 3),),
            "task 'number' has the name of the input 'number'; in the exported file each needs its own",
        ),
        (
            "classify",
            (InputSpec("image", 3),),
            "input 'image' has the name of the input image; each needs its own",
        ),
    ],
)
def test_clashing_names_are_refused(task, inputs, message, tmp_path):
    with pytest.raises(UsageError) as caught:
        OnnxExporter().export(small(Linear(task), task, inputs), tmp_path / "model.onnx")
    assert caught.value.message == message
    assert not list(tmp_path.iterdir())


def test_a_model_without_tasks_is_refused(tmp_path):
    subject = dataclasses.replace(small(Linear("classify")), targets={})
    with pytest.raises(UsageError, match="there is no task to export"):
        OnnxExporter().export(subject, tmp_path / "model.onnx")


def test_a_model_that_lacks_a_task_breaks_its_contract(tmp_path):
    with pytest.raises(ComponentError, match=r"^the model has no output for task 'classify'$"):
        OnnxExporter().export(small(Linear("other")), tmp_path / "model.onnx")


def test_a_model_with_another_output_shape_breaks_its_contract(tmp_path):
    subject = dataclasses.replace(small(Linear("classify")), targets={"classify": Categorical(tuple("abc"))})
    with pytest.raises(ComponentError) as caught:
        OnnxExporter().export(subject, tmp_path / "model.onnx")
    assert str(caught.value) == "the output of task 'classify' has shape [2, 2] for two samples, not [2, 3]"


@pytest.mark.parametrize("model", [FixedBatch, Branching])
def test_a_model_that_cannot_be_traced_is_refused_in_one_line(model, tmp_path, capfd):
    with pytest.raises(ComponentError, match=r"^torch cannot export the model to ONNX: [^\n]+$"):
        OnnxExporter().export(small(model("classify")), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("place", "message"),
    [("missing/model.onnx", "the folder .* does not exist"), (".", "it is a folder")],
)
def test_a_path_that_cannot_be_written_is_refused_before_any_work(place, message, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_exporter, "build_model", None)
    with pytest.raises(UsageError, match=message):
        OnnxExporter().export(small(Linear("classify")), tmp_path / place)


def test_an_interrupted_export_leaves_nothing(exported, tmp_path, monkeypatch):
    def interrupt(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: onnx.load(exported.path))
    monkeypatch.setattr(onnx_exporter, "verify_written", interrupt)
    with pytest.raises(KeyboardInterrupt):
        OnnxExporter().export(exported.subject, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_an_existing_export_is_replaced_by_a_proven_one(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: onnx.load(exported.path))
    (tmp_path / "model.onnx").write_bytes(b"old")
    report = OnnxExporter().export(exported.subject, tmp_path / "model.onnx")
    assert report.files == (tmp_path / "model.onnx", tmp_path / "verify.json")
    assert report.files[0].read_bytes() == exported.path.read_bytes()
    assert json.loads(report.files[1].read_text()) == report.verification


def test_verifying_a_missing_file_says_so(exported, tmp_path):
    with pytest.raises(UsageError, match=r"model\.onnx: cannot be read as a model: No such"):
        OnnxExporter().verify(exported.subject, tmp_path / "model.onnx")


@pytest.mark.parametrize("form", ["exported", "exported_raw", "exported_bytes"])
def test_verifying_takes_the_form_from_the_file(form, request):
    made = request.getfixturevalue(form)
    proof = json.loads(made.path.with_name("verify.json").read_text())
    assert OnnxExporter().verify(made.subject, made.path) == proof


@pytest.mark.parametrize(
    ("options", "valid"),
    [
        ({}, True),
        ({"input": "uint8", "raw": True, "opset": 18}, True),
        ({"input": "int8"}, False),
        ({"opset": 17}, False),
        ({"raw": 1}, False),
    ],
)
def test_options_are_checked_by_their_types(options, valid):
    _, problems = validate_options(options_model(OnnxExporter), options)
    assert (problems == []) is valid


@pytest.mark.parametrize(("opset", "ir"), [(18, 8), (20, 9), (21, 10)])
def test_the_layout_of_a_file_is_the_oldest_that_has_its_operators(opset, ir):
    model = build_model(Export(tiny_subject(), opset=opset))
    assert (model.ir_version, model.opset_import[0].version) == (ir, opset)
