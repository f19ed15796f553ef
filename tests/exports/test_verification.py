from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mtl.core.base.errors import VerificationError
from mtl.exports import onnx_exporter, publication, side_by_side
from mtl.exports.onnx_exporter import OnnxExporter

Mutation = Callable[[onnx.ModelProto], None]


def node_of(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


def weight_of(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def change(model: onnx.ModelProto, name: str, new: Callable[[np.ndarray], np.ndarray]) -> None:
    tensor = weight_of(model, name)
    tensor.CopyFrom(numpy_helper.from_array(new(numpy_helper.to_array(tensor).copy()), name))


def swap_outputs(model: onnx.ModelProto) -> None:
    swapped = {"classify": "shade", "shade": "classify"}
    for node in model.graph.node:
        node.output[:] = [swapped.get(name, name) for name in node.output]


def reorder_outputs(model: onnx.ModelProto) -> None:
    first = onnx.ValueInfoProto()
    first.CopyFrom(model.graph.output[0])
    del model.graph.output[0]
    model.graph.output.append(first)


def change_weight(model: onnx.ModelProto) -> None:
    change(model, "shade.weight", lambda value: value * np.float32(1.01))


def drop_normalisation(model: onnx.ModelProto) -> None:
    node_of(model, "Conv").input[0] = "image"
    for node in (node_of(model, "Div"), node_of(model, "Sub")):
        model.graph.node.remove(node)
        model.graph.initializer.remove(weight_of(model, node.input[1]))


def ignore_number(model: onnx.ModelProto) -> None:
    change(model, node_of(model, "Equal").input[1], lambda value: np.zeros_like(value))


def drop_softmax(model: onnx.ModelProto) -> None:
    node_of(model, "Softmax").op_type = "Identity"
    node_of(model, "Identity").ClearField("attribute")


def declare_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2


def freeze_batch(model: onnx.ModelProto) -> None:
    change(model, node_of(model, "Reshape").input[1], lambda value: np.array([2, 192]))


def spoil_weight(model: onnx.ModelProto) -> None:
    def spoil(value: np.ndarray) -> np.ndarray:
        value.reshape(-1)[0] = np.nan
        return value

    change(model, "parity.weight", spoil)


def leave_trace(model: onnx.ModelProto) -> None:
    item = node_of(model, "Conv").metadata_props.add()
    item.key, item.value = "pkg.torch.onnx.stack_trace", 'File "/home/me/model.py", line 1'


def leave_documentation(model: onnx.ModelProto) -> None:
    model.graph.doc_string = "made in /home/me"


def leave_model_note(model: onnx.ModelProto) -> None:
    item = model.metadata_props.add()
    item.key, item.value = "author", "me"


def lose_metadata(model: onnx.ModelProto) -> None:
    kept = [item for item in model.metadata_props if item.key != "mtl.recipe_hash"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def lose_all_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def rename_class(model: onnx.ModelProto) -> None:
    item = next(item for item in model.metadata_props if item.key == "mtl.outputs")
    item.value = item.value.replace('"cat"', '"cow"')


def change_metric(model: onnx.ModelProto) -> None:
    next(item for item in model.metadata_props if item.key == "mtl.test").value = '{"accuracy": 1.0}'


def use_side_file(model: onnx.ModelProto) -> None:
    tensor = weight_of(model, "shade.weight")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    item = tensor.external_data.add()
    item.key, item.value = "location", "weights.bin"


def use_foreign_operator(model: onnx.ModelProto) -> None:
    node_of(model, "Conv").domain = "my.company"
    opset = model.opset_import.add()
    opset.domain, opset.version = "my.company", 1


NUMBERS = r"^model\.onnx does not compute what the trained model computes: output "
MUTATIONS: list[tuple[Mutation, str]] = [
    (swap_outputs, NUMBERS + r"'(classify|shade)' differs by \S+ at batch \d+, [a-z ]+; allowed there: \S+$"),
    (reorder_outputs, r"its outputs are shade, even-odd, count, de-noise, classify, not classify, shade,"),
    (change_weight, NUMBERS + "'shade' differs by"),
    (drop_normalisation, NUMBERS),
    (ignore_number, NUMBERS + "'classify' differs by"),
    (drop_softmax, NUMBERS),
    (declare_batch, r"the batch of input 'image' is fixed \(2\), not dynamic$"),
    (freeze_batch, r"the batch of output 'classify' is fixed \(2\), not dynamic$"),
    (spoil_weight, r"^model\.onnx is not finite: output 'even-odd' \(batch 1, real samples\)$"),
    (leave_trace, r"holds notes of the exporter \(paths, stack traces\) at node 'conv_2'$"),
    (leave_documentation, r"holds notes of the exporter \(paths, stack traces\) at the graph$"),
    (leave_model_note, r"holds foreign metadata 'author'$"),
    (lose_metadata, r"^model\.onnx: metadata mtl\.recipe_hash is missing$"),
    (lose_all_metadata, r"^model\.onnx is not a valid export: it has no mtl metadata$"),
    (rename_class, r"^model\.onnx: metadata mtl\.outputs does not agree with the trained model$"),
    (change_metric, r"^model\.onnx: metadata mtl\.test does not agree with the trained model$"),
    (use_side_file, r"^model\.onnx is not a valid export: [^\n]+$"),
    (use_foreign_operator, r"^model\.onnx is not a valid export: [^\n]+$"),
]


class Flipping(torch.nn.Module):
    """Answers `even-odd` the other way round for one image."""

    def __init__(self, model, image):
        super().__init__()
        self.model = model
        self.image = image

    def forward(self, image, inputs):
        raw = self.model(image, inputs)
        here = (image == self.image).flatten(1).all(dim=1)
        return {**raw, "even-odd": torch.where(here, -raw["even-odd"], raw["even-odd"])}


def refuse(subject, candidate: onnx.ModelProto, folder: Path, monkeypatch) -> str:
    """Export the candidate over older files; return the message once nothing has been published."""
    older = {"model.onnx": b"older model", "verify.json": b"older proof"}
    for name, data in older.items():
        (folder / name).write_bytes(data)
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: candidate)
    with pytest.raises(VerificationError) as caught:
        OnnxExporter().export(subject, folder / "model.onnx")
    assert {item.name: item.read_bytes() for item in folder.iterdir()} == older
    assert caught.value.status == 4
    return str(caught.value)


@pytest.mark.parametrize(("mutate", "message"), MUTATIONS, ids=[mutate.__name__ for mutate, _ in MUTATIONS])
def test_a_changed_file_is_refused_and_nothing_is_published(mutate, message, exported, tmp_path, monkeypatch):
    candidate = onnx.load(exported.path)
    mutate(candidate)
    said = refuse(exported.subject, candidate, tmp_path, monkeypatch)
    assert re.search(message, said), said
    assert "\n" not in said


def test_the_unchanged_file_passes_the_same_gate(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: onnx.load(exported.path))
    assert OnnxExporter().export(exported.subject, tmp_path / "model.onnx").verification["passed"]


def test_the_message_names_the_worst_difference(exported, tmp_path, monkeypatch):
    candidate = onnx.load(exported.path)
    change(candidate, "count.bias", lambda value: value + np.float32(1.0))
    said = refuse(exported.subject, candidate, tmp_path, monkeypatch)
    assert said.startswith(
        "model.onnx does not compute what the trained model computes: output 'count' differs by 3 at batch "
    )


def test_a_truncated_file_is_refused(exported, tmp_path, monkeypatch):
    write = publication.write_partial
    monkeypatch.setattr(publication, "write_partial", lambda path, data: write(path, data[: len(data) // 2]))
    said = refuse(exported.subject, onnx.load(exported.path), tmp_path, monkeypatch)
    assert said.startswith("model.onnx is not a valid export: ")


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x08\x0a"])
def test_verifying_anything_else_is_refused_in_one_line(data, exported, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=r"^model\.onnx is not a valid export: [^\n]+$"):
        OnnxExporter().verify(exported.subject, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_trained_model_that_is_not_finite_is_never_published(value, exported, tmp_path, monkeypatch):
    candidate = onnx.load(exported.path)
    with torch.no_grad():
        (subject := replaced(exported.subject)).model.count.bias.fill_(value)
    change(candidate, "count.bias", lambda old: np.full_like(old, value))
    said = refuse(subject, candidate, tmp_path, monkeypatch)
    assert said == "the trained model itself is not finite: output 'count' (batch 1, real samples)"


def test_an_existing_file_may_be_checked_with_other_versions_but_not_published(
    exported, tmp_path, monkeypatch
):
    metadata = {**exported.subject.metadata, "versions": {"torch": "3"}}
    subject = dataclasses.replace(exported.subject, metadata=metadata)
    assert OnnxExporter().verify(subject, exported.path)["passed"]
    said = refuse(subject, onnx.load(exported.path), tmp_path, monkeypatch)
    assert said == "model.onnx: metadata mtl.versions does not agree with the trained model"


def test_other_weights_are_noticed_by_verify(exported):
    subject = replaced(exported.subject)
    with torch.no_grad():
        subject.model.clean.weight.mul_(1.01)
    with pytest.raises(VerificationError, match="output 'de-noise' differs by"):
        OnnxExporter().verify(subject, exported.path)


def test_a_raw_file_is_not_taken_for_the_predictions_asked_for(exported_raw, tmp_path, monkeypatch):
    said = refuse(exported_raw.subject, onnx.load(exported_raw.path), tmp_path, monkeypatch)
    assert said == "model.onnx: metadata mtl.outputs does not agree with the trained model"


@pytest.mark.parametrize("lost", ["image", "number"])
def test_without_real_samples_nothing_is_proven(lost, exported):
    samples = {name: value for name, value in exported.subject.samples.items() if name != lost}
    subject = dataclasses.replace(exported.subject, samples=samples)
    with pytest.raises(VerificationError, match=f"^the real samples to verify on lack '{lost}'$"):
        OnnxExporter().verify(subject, exported.path)


def test_no_samples_at_all_prove_nothing(exported):
    samples = {name: value[:0] for name, value in exported.subject.samples.items()}
    subject = dataclasses.replace(exported.subject, samples=samples)
    with pytest.raises(VerificationError, match=r"^there are no real samples to verify on$"):
        OnnxExporter().verify(subject, exported.path)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_metadata_that_is_not_finite_json_is_refused(value, exported, tmp_path):
    subject = dataclasses.replace(exported.subject, metadata={"test": value})
    with pytest.raises(VerificationError, match=r"^the metadata to be exported is not finite JSON: "):
        OnnxExporter().verify(subject, exported.path)


@pytest.fixture
def flipping(exported):
    """The subject with a model that answers otherwise for sample 69, which is in no batch of 64."""
    last = torch.from_numpy(exported.subject.samples["image"][69:]).float() / 255
    return dataclasses.replace(exported.subject, model=Flipping(exported.subject.model, last))


def test_an_answer_that_flips_on_a_single_real_sample_is_noticed(exported, flipping):
    with pytest.raises(VerificationError, match=r"'even-odd' differs by \S+ at batch 1000, real"):
        OnnxExporter().verify(flipping, exported.path)


def test_a_runtime_too_slow_for_large_batches_answers_all_real_samples_too(exported, flipping):
    with pytest.raises(VerificationError) as caught:
        OnnxExporter().verify_in(flipping, exported.path, ["reference"])
    assert str(caught.value) == "model.onnx: task 'even-odd' answers differently on 1 of 70 real samples"


def test_the_large_batch_is_smaller_where_the_numbers_inside_are_many(exported, monkeypatch):
    report = OnnxExporter().verify(exported.subject, exported.path)
    assert max(case["batch"] for case in report["cases"]) == 1000
    monkeypatch.setattr(side_by_side, "MOST_BYTES", side_by_side.MOST_BYTES // 20_000)
    report = OnnxExporter().verify(exported.subject, exported.path)
    largest = max(case["batch"] for case in report["cases"])
    assert 64 <= largest < 1000


def test_the_report_covers_every_batch_and_kind_and_is_json(exported):
    report = OnnxExporter().verify(exported.subject, exported.path)
    cases = {(case["batch"], case["kind"]) for case in report["cases"]}
    every = {(b, k) for b in (1, 2, 7, 64) for k in ("real", "random", "zeros", "ones")}
    assert cases == every | {(1000, "real")}
    assert all(list(case["differences"]) == list(exported.subject.targets) for case in report["cases"])
    assert set(report["versions"]) == {"onnx", "onnxruntime", "torch"}
    assert set(report["agreement"]) == set(exported.subject.targets)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_worst_difference_is_the_largest_in_the_table(exported):
    report = OnnxExporter().verify(exported.subject, exported.path)
    worst = report["worst"]
    (case,) = (c for c in report["cases"] if (c["batch"], c["kind"]) == (worst["batch"], worst["kind"]))
    assert case["differences"][worst["output"]] == worst["difference"] <= worst["allowed"]


def replaced(subject):
    """Return the subject with a copy of its model, which a test may spoil."""
    return dataclasses.replace(subject, model=copy.deepcopy(subject.model))
