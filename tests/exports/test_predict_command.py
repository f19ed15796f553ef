from __future__ import annotations

import json
import shlex
import subprocess
import sys

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.exports.onnx_model import file_of
from mtl.exports.predict_command import predict

WITHOUT_TORCH = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "onnx", "pydantic"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocker())
from mtl.exports.predict_command import predict
predict()
"""


def run(*arguments):
    """Return what the command prints; its errors pass through, as they do to the program's `main`."""
    result = CliRunner().invoke(predict, [str(item) for item in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_table_names_image_task_and_answer(exported, picture):
    lines = run(exported.path, picture, "--input", "number=3").splitlines()
    width = len(str(picture))
    assert lines[0] == f"{'IMAGE':<{width}}  {'TASK':<8}  ANSWER"
    assert lines[1].startswith(f"{picture}  classify  ")
    assert [line[width + 2 :].split()[0] for line in lines[2:]] == ["shade", "even-odd", "count", "de-noise"]
    assert lines[5].endswith("image 8 x 8  (save it with --out DIR)")


def test_json_is_one_object_with_a_row_per_image(exported, picture):
    document = json.loads(run(exported.path, picture, picture, "--json", "--input", "number=3"))
    assert document["model"] == str(exported.path)
    assert document["inputs"] == {"number": 3}
    first, second = document["predictions"]
    assert first == second
    assert first["image"] == str(picture)
    probabilities = first["answers"]["classify"]["probabilities"]
    assert list(probabilities) == ["cat", "dog", "owl"]
    assert sum(probabilities.values()) == pytest.approx(1)
    assert set(first["answers"]["count"]["values"]) == {"squares", "circles"}


def test_the_folder_of_a_run_stands_for_its_model(exported, picture):
    arguments = (picture, "--input", "number=0")
    assert run(exported.path.parent, *arguments) == run(exported.path, *arguments)


def test_more_images_than_one_batch_all_get_their_answer(exported, picture):
    document = json.loads(run(exported.path, *[picture] * 130, "--json", "--input", "number=3"))
    assert len(document["predictions"]) == 130


def test_pictures_are_saved_for_each_image(exported, picture, tmp_path):
    out = tmp_path / "new" / "pictures"
    text = run(exported.path, picture, picture, "--input", "number=3", "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["digit-de-noise-2.png", "digit-de-noise.png"]
    assert f"image 8 x 8  (saved as {out / 'digit-de-noise.png'})" in text
    with Image.open(out / "digit-de-noise.png") as saved:
        assert (saved.mode, saved.size) == ("L", (8, 8))


def test_json_says_where_pictures_are(exported, picture, tmp_path):
    document = json.loads(run(exported.path, picture, "--json", "--input", "number=3", "--out", tmp_path))
    answer = document["predictions"][0]["answers"]["de-noise"]
    assert answer["file"] == str(tmp_path / "digit-de-noise.png")


def test_an_input_image_is_never_overwritten(exported, picture, tmp_path):
    other = tmp_path / "digit-de-noise.png"
    other.write_bytes(picture.read_bytes())
    run(exported.path, picture, other, "--input", "number=3", "--out", tmp_path)
    assert other.read_bytes() == picture.read_bytes()
    assert (tmp_path / "digit-de-noise-2.png").is_file()


def test_a_task_name_cannot_lead_out_of_the_folder(exported, picture, tmp_path):
    model = onnx.load(exported.path)
    evil = "../../de-noise"
    for item in model.metadata_props:
        item.value = item.value.replace('"de-noise"', json.dumps(evil))
    for node in model.graph.node:
        node.output[:] = [evil if name == "de-noise" else name for name in node.output]
    model.graph.output[4].name = evil
    (tmp_path / "evil.onnx").write_bytes(file_of(model))
    out = tmp_path / "a" / "b"
    run(tmp_path / "evil.onnx", picture, "--input", "number=3", "--out", out)
    assert [path.name for path in out.iterdir()] == ["digit-______de-noise.png"]
    assert not (tmp_path / "de-noise.png").exists()


def test_another_size_needs_resize(exported, tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(path)
    with pytest.raises(UsageError) as caught:
        run(exported.path, path, "--input", "number=3")
    assert str(caught.value) == (f"{path} is 64 x 64 pixels; the model reads 8 x 8\n  hint: pass --resize")
    assert "classify" in run(exported.path, path, "--input", "number=3", "--resize")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "needs the input 'number' (0..4: a number to add)\n  hint: pass --input number=VALUE"),
        (("--input", "numbre=3"), "has no input 'numbre'\n  hint: did you mean 'number'?"),
        (("--input", "number=9"), "input 'number' is 9; it goes from 0 to 4"),
        (
            ("--input", "number"),
            "--input 'number' is not NAME=VALUE with a whole number\n  hint: for example --input number=3",
        ),
        (
            ("--input", "number=three"),
            "is not NAME=VALUE with a whole number\n  hint: for example --input number=3",
        ),
        (("--input", "number=1", "--input", "number=2"), "--input 'number' is given twice"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(options, message, exported, picture):
    with pytest.raises(UsageError) as caught:
        run(exported.path, picture, *options)
    assert str(caught.value).endswith(message)


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path, picture):
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(UsageError) as caught:
        run(tmp_path, picture)
    assert str(caught.value.hint).endswith(f"mtl resume {tmp_path}")
    (tmp_path / "metrics.json").touch()
    with pytest.raises(UsageError) as caught:
        run(tmp_path, picture)
    assert str(caught.value) == (
        f"{tmp_path} holds no model.onnx\n  hint: export the run first: mtl export {tmp_path}"
    )


@pytest.mark.parametrize("name", ["photos.csv", "PHOTO.JPG", "photos"])
def test_a_forgotten_model_is_told(name, tmp_path, picture):
    (tmp_path / "photos").mkdir()
    for file in ("photos.csv", "PHOTO.JPG"):
        (tmp_path / file).write_text("path\n")
    with pytest.raises(UsageError) as caught:
        run(tmp_path / name, picture)
    assert caught.value.hint.startswith("the model comes first")


def test_a_folder_for_pictures_must_be_writable(exported, picture):
    with pytest.raises(UsageError, match=rf"^cannot write to {picture}: "):
        run(exported.path, picture, "--input", "number=3", "--out", picture)


def test_the_examples_in_the_help_run(exported, picture, tmp_path, monkeypatch):
    text = CliRunner().invoke(predict, ["--help"]).output
    examples = [line.strip() for line in text.split("Examples:")[1].splitlines() if "mtl predict" in line]
    assert len(examples) == 3
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo").symlink_to(exported.path.parent)
    (tmp_path / "photos.csv").write_text(f"path\n{picture.name}\n")
    monkeypatch.chdir(tmp_path)
    for example in examples:
        shown = run(*shlex.split(example)[2:], "--input", "number=1")
        assert shown or (tmp_path / "answers.csv").read_text()


@pytest.mark.parametrize("form", ["exported", "exported_raw"])
def test_the_command_runs_where_torch_cannot_be_imported(form, picture, request):
    path = request.getfixturevalue(form).path
    arguments = [str(path), str(picture), "--input", "number=3"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_TORCH, *arguments],
        cwd=picture.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(*arguments)
