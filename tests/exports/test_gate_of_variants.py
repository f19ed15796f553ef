"""Every variant passes a gate that a wrong export of it cannot pass; float32 is in `test_verification`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from mtl.core.base.errors import UsageError, VerificationError
from mtl.core.contracts import ExportSubject
from mtl.exports import onnx_exporter, repair
from mtl.exports.export import Export
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model, file_of

from .conftest import LOOSE, Exported, tiny_subject

PART = ("classify", "shade", "de-noise")
VARIANTS: dict[str, tuple[dict[str, object], tuple[str, ...] | None]] = {
    "raw": ({"raw": True}, None),
    "uint8": ({"input": "uint8"}, None),
    "part": ({}, PART),
    "float16": ({"precision": "float16"}, None),
    "int8": ({"precision": "int8", "keep_float": ("count",), "max_size": 0.0}, None),
    "int8-uint8-raw-part": ({"precision": "int8", "input": "uint8", "raw": True, "max_size": 0.0}, PART),
}


class Made:
    """A variant that has passed, to be spoiled."""

    def __init__(self, name: str, folder: Path) -> None:
        options, tasks = VARIANTS[name]
        self.options = {**options, "max_drop": LOOSE}
        self.subject: ExportSubject = tiny_subject()
        if tasks is not None:
            self.subject = self.subject.only(tasks)
        self.path = folder / "model.onnx"
        # Traced once: every export of a rounded file begins with the float32 one.
        pixels, raw = self.options.get("input", "float32"), bool(self.options.get("raw"))
        self.base = build_model(Export(self.subject, pixels, raw, opset=self.exporter.opset))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(onnx_exporter, "build_model", lambda *_: self.base)
            self.exporter.export(self.subject, self.path)

    @property
    def exporter(self) -> OnnxExporter:
        return OnnxExporter(**self.options)  # type: ignore[arg-type]

    @property
    def plain(self) -> bool:
        return "precision" not in self.options


@pytest.fixture(scope="module", params=VARIANTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(request.param, tmp_path_factory.mktemp(request.param))


def swap_outputs(model: onnx.ModelProto) -> None:
    swapped = {"classify": "shade", "shade": "classify"}
    for node in model.graph.node:
        node.output[:] = [swapped.get(name, name) for name in node.output]


def drop_normalisation(model: onnx.ModelProto) -> None:
    (divided,) = (node for node in model.graph.node if node.op_type == "Div" and _divides_image(model, node))
    (subtracted,) = (node for node in model.graph.node if divided.input[0] in node.output)
    for node in model.graph.node:
        node.input[:] = [subtracted.input[0] if name == divided.output[0] else name for name in node.input]


def _divides_image(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    return any(other.op_type == "Sub" and node.input[0] in other.output for other in model.graph.node)


def declare_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2


def freeze_batch(model: onnx.ModelProto) -> None:
    reshape = next(node for node in model.graph.node if node.op_type == "Reshape")
    replace(model, reshape.input[1], lambda value: np.array([2, *value[1:]], dtype=value.dtype))


def rename_class(model: onnx.ModelProto) -> None:
    item = next(item for item in model.metadata_props if item.key == "mtl.outputs")
    item.value = item.value.replace('"cat"', '"cow"')


def lose_metadata(model: onnx.ModelProto) -> None:
    kept = [item for item in model.metadata_props if item.key != "mtl.recipe_hash"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def leave_trace(model: onnx.ModelProto) -> None:
    item = model.graph.node[0].metadata_props.add()
    item.key, item.value = "pkg.torch.onnx.stack_trace", 'File "/home/me/model.py", line 1'


def skip_activation(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Abs"


def reorder_outputs(model: onnx.ModelProto) -> None:
    first = onnx.ValueInfoProto()
    first.CopyFrom(model.graph.output[0])
    del model.graph.output[0]
    model.graph.output.append(first)


def read_another_number(model: onnx.ModelProto) -> None:
    equal = next(node for node in model.graph.node if node.op_type == "Equal")
    for name in equal.input:
        if any(tensor.name == name for tensor in model.graph.initializer):
            replace(model, name, lambda value: np.roll(value, 1))


MUTATIONS: list[Callable[[onnx.ModelProto], None]] = [
    swap_outputs,
    reorder_outputs,
    drop_normalisation,
    declare_batch,
    freeze_batch,
    rename_class,
    lose_metadata,
    leave_trace,
    skip_activation,
    read_another_number,
]


def replace(model: onnx.ModelProto, name: str, new: Callable[[np.ndarray], np.ndarray]) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(new(numpy_helper.to_array(tensor).copy()), name))


def replace_builders(made: Made, candidate: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the exporter write the candidate in place of what it would build."""
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: candidate if made.plain else made.base)
    monkeypatch.setattr(repair, "build_variant", lambda *_: candidate)


def refused(made: Made, candidate: onnx.ModelProto, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Export the candidate in place of the right file; return the message once nothing has been published."""
    replace_builders(made, candidate, monkeypatch)
    with pytest.raises(VerificationError) as caught:
        made.exporter.export(made.subject, folder / "model.onnx")
    assert not list(folder.iterdir())
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_wrong_file_of_any_variant_is_refused(
    mutate: Callable[[onnx.ModelProto], None], made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = onnx.load(made.path)
    before = candidate.SerializeToString(deterministic=True)
    mutate(candidate)
    assert candidate.SerializeToString(deterministic=True) != before
    refused(made, candidate, tmp_path, monkeypatch)


def weights(model: onnx.ModelProto) -> Iterator[str]:
    """Yield every tensor of more than one number that is no zero point and no shape."""
    zeros = {node.input[2] for node in model.graph.node if "Linear" in node.op_type and len(node.input) > 2}
    for tensor in model.graph.initializer:
        whole = tensor.data_type in (TensorProto.INT64, TensorProto.BOOL)
        if not whole and tensor.name not in zeros and np.prod(tensor.dims) > 1:
            yield tensor.name


def test_a_single_changed_number_in_any_weight_is_refused(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Number by number, a float32 file is compared to 1e-4; a rounded one weight by weight, which is sharper.
    factor = 1.5 if made.plain else 1.02

    def spoil(value: np.ndarray) -> np.ndarray:
        flat = value.reshape(-1)
        at = int(np.abs(flat.astype(np.float64)).argmax())
        flat[at] = flat[at] - np.sign(flat[at]) * 3 if value.dtype == np.int8 else flat[at] * factor
        return value

    names = list(weights(onnx.load(made.path)))
    assert len(names) >= 7
    for name in names:
        candidate = onnx.load(made.path)
        replace(candidate, name, spoil)
        refused(made, candidate, tmp_path, monkeypatch)


def test_the_right_file_passes(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_builders(made, onnx.load(made.path), monkeypatch)
    assert made.exporter.export(made.subject, tmp_path / "model.onnx").verification["passed"]


def test_an_existing_file_is_proven_by_what_it_says_itself(made: Made) -> None:
    report = OnnxExporter().verify(tiny_subject(), made.path)
    assert report["passed"]
    assert report["precision"] == made.options.get("precision", "float32")
    assert report["tasks"] == list(made.subject.targets)
    assert {case["batch"] for case in report["cases"]} == {1, 2, 7, 64, 1000}


@pytest.mark.usefixtures("traced_anew")
def test_the_same_weights_give_the_same_bytes(made: Made, tmp_path: Path) -> None:
    made.exporter.export(made.subject, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == made.path.read_bytes()


@pytest.fixture(params=["exported_half", "exported_int8"])
def rounded(request: pytest.FixtureRequest) -> Exported:
    found: Exported = request.getfixturevalue(request.param)
    return found


def test_a_wrong_float32_model_is_found_though_the_file_is_its_true_rounding(
    rounded: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = onnx_exporter.build_model
    kind = OnnxExporter().verify(rounded.subject, rounded.path)["precision"]

    def wrong(*arguments: object) -> onnx.ModelProto:
        model: onnx.ModelProto = build(*arguments)  # type: ignore[arg-type]
        replace(model, "shade.weight", lambda value: value * np.float32(1.01))
        return model

    monkeypatch.setattr(onnx_exporter, "build_model", wrong)
    with pytest.raises(VerificationError, match=r"^the float32 form of model\.onnx does not compute"):
        OnnxExporter(precision=kind, max_drop=LOOSE).export(rounded.subject, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_rounded_file_cannot_pass_as_float32(rounded: Exported, tmp_path: Path) -> None:
    model = onnx.load(rounded.path)
    kept = [item for item in model.metadata_props if item.key != "mtl.precision"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    (tmp_path / "model.onnx").write_bytes(file_of(model))
    with pytest.raises(VerificationError, match="does not compute what the trained model computes"):
        OnnxExporter().verify(tiny_subject(), tmp_path / "model.onnx")


@pytest.mark.parametrize("key", ["sha256", "samples"])
def test_other_calibration_samples_than_it_says_are_noticed(key: str, exported_int8, tmp_path: Path) -> None:
    model = onnx.load(exported_int8.path)
    item = next(item for item in model.metadata_props if item.key == "mtl.precision")
    item.value = re.sub(rf'"{key}": ("?)\w', rf'"{key}": \g<1>9', item.value)
    (tmp_path / "model.onnx").write_bytes(file_of(model))
    with pytest.raises(VerificationError, match="calibrated on other samples than it says"):
        OnnxExporter().verify(exported_int8.subject, tmp_path / "model.onnx")


def test_a_range_that_cuts_the_numbers_off_is_noticed(
    exported_int8, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = onnx.load(exported_int8.path)
    first = next(node for node in candidate.graph.node if node.op_type == "QuantizeLinear")
    replace(candidate, first.input[1], lambda value: value * np.float32(0.02))
    monkeypatch.setattr(repair, "build_variant", lambda *_: candidate)
    with pytest.raises(VerificationError):
        OnnxExporter(precision="int8", max_drop=LOOSE, max_size=0.0).export(
            exported_int8.subject, tmp_path / "model.onnx"
        )


def test_a_scale_of_one_side_only_is_noticed(
    exported_int8, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = onnx.load(exported_int8.path)
    node = next(node for node in candidate.graph.node if node.op_type == "QuantizeLinear")
    tensor = next(tensor for tensor in candidate.graph.initializer if tensor.name == node.input[1])
    other = candidate.graph.initializer.add()
    other.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.02), "other"))
    node.input[1] = "other"
    monkeypatch.setattr(repair, "build_variant", lambda *_: candidate)
    with pytest.raises(VerificationError, match="is not the float32 model, rounded: operator"):
        OnnxExporter(precision="int8", max_drop=LOOSE, max_size=0.0).export(
            exported_int8.subject, tmp_path / "model.onnx"
        )


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_a_task_that_nothing_judges_is_not_rounded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = tiny_subject()
    assert subject.judge is not None
    fewer = {task: leading for task, leading in subject.judge.leading.items() if task != "shade"}
    monkeypatch.setattr(type(subject.judge), "leading", fewer)
    monkeypatch.setattr(onnx_exporter, "build_model", lambda *_: pytest.fail("built"))
    with pytest.raises(UsageError, match="what task 'shade' loses cannot be measured"):
        OnnxExporter(precision=kind, max_drop=LOOSE).export(subject, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
