"""int8 with fine-tuning: trained on with the file's own rounding, proven with the weights beside it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from mtl.core.base.errors import UsageError, VerificationError
from mtl.core.contracts import Arrays, ExportPlan, ExportSubject, Tuner
from mtl.exports.export import Export
from mtl.exports.fine_tuning import weights_path
from mtl.exports.int8 import Quantised
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model, file_of
from mtl.exports.proof import proof_path
from mtl.exports.rounded_layers import rounded, seen_layers
from mtl.exports.runtimes import open_onnxruntime

from .conftest import LOOSE, Exported, tiny_subject
from .test_mutations import change


class Steps(Tuner):
    """Takes some steps towards the model's own answers, so that rounding alone moves the weights."""

    def __init__(self, subject: ExportSubject) -> None:
        self.subject = subject

    def tuned(self, epochs: int, within: Callable[[nn.Module], AbstractContextManager[None]]) -> Arrays:
        model = copy.deepcopy(self.subject.model).eval()
        # As a training leaves them on a CPU: convolutions in another memory format.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        feed = self.subject.judge.training_samples(64, 9)
        image, inputs = torch.from_numpy(feed["image"]), {"number": torch.from_numpy(feed["number"])}
        with torch.no_grad():
            wanted = model(image, inputs)
        optimizer = torch.optim.SGD(model.parameters(), 1e-3)
        with within(model):
            for _ in range(10 * epochs):
                found = model(image, inputs)
                optimizer.zero_grad()
                sum(nn.functional.mse_loss(found[task], wanted[task]) for task in wanted).backward()
                optimizer.step()
        return {name: value.numpy() for name, value in model.state_dict().items()}

    def model(self, weights: Arrays) -> nn.Module:
        model = copy.deepcopy(self.subject.model)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        return model


def tunable_subject() -> ExportSubject:
    subject = tiny_subject()
    return replace(subject, tuner=Steps(subject))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("tuned") / "model.onnx"
    exporter = OnnxExporter(precision="int8", max_drop=LOOSE, fine_tune=1)
    report = exporter.export(tunable_subject(), path)
    assert weights_path(path) in report.files
    return Exported(tunable_subject(), path)


def test_the_layers_round_as_the_file_does() -> None:
    subject = tiny_subject()
    base, feed = build_model(Export(subject)), dict(subject.judge.training_samples(50, 0))
    model, inputs = subject.model.eval(), {"number": torch.from_numpy(feed["number"])}
    layers = seen_layers(model, lambda: model(torch.from_numpy(feed["image"]), inputs))
    with torch.no_grad(), rounded(layers):
        raw = model(torch.from_numpy(feed["image"]), inputs)
    exact = open_onnxruntime(base.SerializeToString())(feed)
    file = open_onnxruntime(Quantised(base, feed).model().SerializeToString())(feed)
    for task, target in subject.targets.items():
        apart = np.square(target.predict(raw[task]).numpy() - file[task]).mean()
        lost = np.square(file[task] - exact[task]).mean()
        # A number at the middle of a step may go either way.
        assert apart < lost / 8, task


def test_gradients_pass_through_the_rounding_but_beyond_the_range() -> None:
    layer = nn.Linear(2, 1, bias=False)
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    layers = seen_layers(layer, lambda: layer(corners))
    given = torch.tensor([[0.4, 2.0]], requires_grad=True)
    with rounded(layers):
        layer(given * 1.0).sum().backward()
    assert given.grad is not None
    assert given.grad[0, 0] != 0
    assert given.grad[0, 1] == 0
    assert layer.weight.grad is not None
    assert (layer.weight.grad != 0).all()


def test_the_file_is_the_rounding_of_the_weights_beside_it(tuned: Exported) -> None:
    report = OnnxExporter().verify(tuned.subject, tuned.path)
    kept, known = load_file(weights_path(tuned.path)), tuned.subject.model.state_dict()
    assert {name: value.shape for name, value in kept.items()} == {
        name: tuple(value.shape) for name, value in known.items()
    }
    assert report["settings"]["fine_tuning"]["epochs"] == 1
    proof = json.loads(proof_path(tuned.path).read_text())
    assert set(proof["without_fine_tuning"]) == set(proof["quality"]) == set(tuned.subject.targets)


def test_a_weight_that_was_changed_is_found(tuned: Exported, tmp_path: Path) -> None:
    model = onnx.load(tuned.path)
    read = next(node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear")
    change(model, read, lambda value: value + 1)
    path = tmp_path / "model.onnx"
    path.write_bytes(file_of(model))
    weights_path(path).write_bytes(weights_path(tuned.path).read_bytes())
    with pytest.raises(VerificationError, match="is another one"):
        OnnxExporter().verify(tuned.subject, path)


@pytest.mark.parametrize("spoil", [lambda data: b"", lambda data: data[:-1] + bytes([data[-1] ^ 1]), None])
def test_other_weights_beside_it_are_refused(
    spoil: Callable[[bytes], bytes] | None, tuned: Exported, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(tuned.path.read_bytes())
    if spoil is not None:
        weights_path(path).write_bytes(spoil(weights_path(tuned.path).read_bytes()))
    with pytest.raises(VerificationError, match=r"model\.fine-tuned\.safetensors"):
        OnnxExporter().verify(tuned.subject, path)


def test_another_export_takes_the_weights_of_the_one_before_away(tuned: Exported, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    weights_path(path).write_bytes(b"of a file that is replaced")
    OnnxExporter().export(tuned.subject.only(["shade"]), path)
    assert not weights_path(path).exists()


def test_only_eight_bits_are_fine_tuned() -> None:
    with pytest.raises(UsageError, match="fine_tune is for int8"):
        OnnxExporter(fine_tune=1).check_plan(ExportPlan({}, {}))
    exporter = OnnxExporter(precision="int8", max_drop=LOOSE, fine_tune=1)
    with pytest.raises(UsageError, match="needs the data of the run"):
        exporter.export(tiny_subject(), Path("model.onnx"))
