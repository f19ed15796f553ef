from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from mtl.core.base.errors import UsageError
from mtl.exports.inference import ExportedModel
from mtl.exports.onnx_model import file_of
from mtl.plugins.forms import Binary, Categorical, Image, Regression

ONE = np.full((1, 1, 8, 8), 0.5, np.float32)


def test_outputs_are_the_trained_models_predictions(exported):
    subject = exported.subject
    images, numbers = subject.samples["image"][:5], subject.samples["number"][:5]
    outputs = ExportedModel(exported.path).run(images, number=numbers)
    model = subject.model.eval()
    with torch.inference_mode():
        raw = model(torch.from_numpy(images).float() / 255, {"number": torch.from_numpy(numbers)})
    assert list(outputs) == list(subject.targets)
    for task, target in subject.targets.items():
        np.testing.assert_allclose(outputs[task], target.predict(raw[task]).numpy(), atol=1e-5)


def test_bytes_and_floats_give_the_same_outputs(exported):
    model = ExportedModel(exported.path)
    pixels = exported.subject.samples["image"][:2]
    whole = model.run(pixels, number=1)
    floats = model.run(pixels.astype(np.float64) / 255, number=[1, 1])
    for task in whole:
        np.testing.assert_allclose(whole[task], floats[task], atol=1e-6)


def test_the_answers_of_all_three_forms_of_file_agree(exported, exported_raw, exported_bytes):
    pixels = exported.subject.samples["image"][:4]
    rows = []
    for made in (exported, exported_raw, exported_bytes):
        model = ExportedModel(made.path)
        rows.append([{task: answer.text for task, answer in row.items()} for row in _answers(model, pixels)])
    assert rows[0] == rows[1] == rows[2]


def _answers(model, pixels):
    return model.answers(model.run(pixels, number=2))


@pytest.mark.parametrize(
    ("target", "row", "text", "value"),
    [
        (
            Categorical(("cat", "dog")),
            [0.25, 0.75],
            "dog  (75.0 %)",
            {"class": "dog", "probability": 0.75, "probabilities": {"cat": 0.25, "dog": 0.75}},
        ),
        (
            Binary("even", "odd"),
            0.125,
            "odd  (87.5 %)",
            {"class": "odd", "probability": 0.875, "probabilities": {"odd": 0.875, "even": 0.125}},
        ),
        (
            Regression(("width", "height"), "px"),
            [2.5, 0.125],
            "width 2.5 px, height 0.125 px",
            {"values": {"width": 2.5, "height": 0.125}, "units": "px"},
        ),
        (
            Image(1, 1, 2),
            [[[0.0, 1.0]]],
            "image 2 x 1",
            {"width": 2, "height": 1, "channels": 1},
        ),
    ],
)
def test_each_form_of_answer_is_readable(target, row, text, value):
    (answer,) = target.drawing.describe(np.array([row], dtype=np.float32))
    assert (answer.text, answer.value) == (text, value)
    assert json.loads(json.dumps(answer.value)) == value


def test_a_picture_keeps_its_channels_last_for_saving():
    channels = np.stack([np.full((4, 5), shade) for shade in (0.0, 0.5, 1.0)])
    (answer,) = Image(3, 4, 5).drawing.describe(channels[None])
    assert answer.picture is not None
    assert answer.picture.shape == (4, 5, 3)
    assert answer.picture[0, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "target",
    [
        Categorical(("a", "b", "c")),
        Binary(),
        Regression(("a", "b", "c")),
        Image(1, 1, 3),
        Image(1, 1, 3, "logit"),
    ],
)
def test_predictions_without_torch_equal_those_with_torch(target):
    raw = np.array([[-200.0, 0.25, 3.0], [100.0, 99.0, -1.0]], dtype=np.float32)
    if isinstance(target, Image):
        raw = raw.reshape(2, 1, 1, 3)
    expected = target.predict(torch.from_numpy(raw)).numpy()
    np.testing.assert_allclose(target.predict_array(raw), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (ONE[0], "images have shape [1, 8, 8]; the model reads [B, 1, 8, 8]"),
        (ONE[:, :, :7], "images have shape [1, 1, 7, 8]; the model reads [B, 1, 8, 8]"),
        (ONE * 3, "pixels are outside 0..1"),
        (ONE * np.nan, "pixels are outside 0..1"),
        (ONE.astype(np.int64), "pixels are int64; the model reads float32 or uint8"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message, exported):
    with pytest.raises(UsageError) as caught:
        ExportedModel(exported.path).run(images, number=0)
    assert str(caught.value) == message


def test_a_file_that_reads_bytes_refuses_floats(exported_bytes):
    with pytest.raises(UsageError, match=r"^pixels are float32; the model reads uint8$"):
        ExportedModel(exported_bytes.path).run(ONE, number=0)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "needs the input 'number' (0..4: a number to add)\n  hint: pass --input number=VALUE"),
        ({"numbr": 1}, "has no input 'numbr'\n  hint: did you mean 'number'?"),
        ({"number": 5}, "input 'number' is 5; it goes from 0 to 4"),
        ({"number": -1}, "input 'number' is -1; it goes from 0 to 4"),
        ({"number": 1.5}, "input 'number' must be one whole number, or one for each of 1 images"),
        ({"number": [1, 2]}, "input 'number' must be one whole number, or one for each of 1 images"),
    ],
)
def test_extra_inputs_that_do_not_fit_are_refused(inputs, message, exported):
    with pytest.raises(UsageError) as caught:
        ExportedModel(exported.path).run(ONE, **inputs)
    assert str(caught.value).endswith(message)


def test_a_torch_program_is_no_damaged_onnx_file(tmp_path):
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(torch.nn.Linear(1, 1), (torch.ones(1, 1),)), path)
    with pytest.raises(UsageError, match="is an archive, as a torch program is, and no ONNX file") as caught:
        ExportedModel(path)
    assert "torch.export.load" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"not a model", None])
def test_a_file_that_is_no_onnx_is_named_in_one_line(data, exported, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(exported.path.read_bytes()[:-999] if data is None else data)
    with pytest.raises(UsageError) as caught:
        ExportedModel(path)
    assert caught.value.message.startswith(f"{path}: cannot be read as an ONNX file: ")
    assert "\n" not in caught.value.message


def test_an_onnx_of_someone_else_is_told_apart(tmp_path):
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 2])
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 2])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "other", [value], [result])
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / "x.onnx")
    with pytest.raises(UsageError) as caught:
        ExportedModel(tmp_path / "x.onnx")
    assert str(caught.value) == (
        f"{tmp_path / 'x.onnx'} is not a model exported by mtl: it has no mtl metadata"
    )


def test_metadata_that_contradicts_the_graph_is_refused(exported, tmp_path):
    model = onnx.load(exported.path)
    item = next(item for item in model.metadata_props if item.key == "mtl.outputs")
    fewer = item.value.replace('"cat", "dog", "owl"', '"cat", "dog"')
    item.value = fewer.replace('"batch", 3]', '"batch", 2]', 1)
    (tmp_path / "x.onnx").write_bytes(file_of(model))
    with pytest.raises(UsageError, match=r"output 'classify' has shape \[B, 3\], not \[B, 2\]"):
        ExportedModel(tmp_path / "x.onnx")


@pytest.mark.parametrize("name", ["none.onnx", "."])
def test_a_path_that_cannot_be_read_is_named(name, tmp_path):
    with pytest.raises(
        UsageError,
        match=r"^.+: cannot be read as a model: (No such file|Is a directory)",
    ):
        ExportedModel(tmp_path / name)
