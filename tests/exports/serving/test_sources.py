"""Which files are served under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.serving.sources import MOST, Source, sources


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_models_are_named_after_their_file_or_run(tmp_path):
    made(tmp_path, "my run/model.onnx", "bytes.onnx")
    run = tmp_path / "my run"
    found = sources((str(run), str(tmp_path / "bytes.onnx"), f"b={run}/model.onnx"))
    assert found == {
        "my-run": Source(run / "model.onnx"),
        "bytes": Source(tmp_path / "bytes.onnx"),
        "b": Source(run / "model.onnx"),
    }


def test_a_path_with_an_equals_sign_is_a_path(tmp_path):
    made(tmp_path, "a=b.onnx")
    file = tmp_path / "a=b.onnx"
    assert sources((str(file),)) == {"a-b": Source(file)}


def test_a_folder_stands_for_the_files_and_runs_in_it(tmp_path):
    made(tmp_path, "small.onnx", "first/model.onnx", "deep/er/model.onnx", "notes.txt")
    made(tmp_path, ".hidden.onnx", ".part/model.onnx")
    assert sources((str(tmp_path),)) == {
        "first": Source(tmp_path / "first" / "model.onnx", found=True),
        "small": Source(tmp_path / "small.onnx", found=True),
    }


def test_the_folder_of_a_run_stands_for_its_model_alone(tmp_path):
    made(tmp_path, "run/model.onnx", "run/small.onnx")
    assert sources((str(tmp_path / "run"),)) == {"run": Source(tmp_path / "run" / "model.onnx")}


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        sources(("a/model.onnx", "b/a.onnx"))
    assert caught.value.message == "two models would be called 'a': a/model.onnx and b/a.onnx"
    assert caught.value.hint == "give one another name: other=b/a.onnx"
    made(tmp_path, "a/model.onnx", "a.onnx")
    with pytest.raises(UsageError, match="two models would be called 'a'") as caught:
        sources((str(tmp_path),))
    assert caught.value.hint == "rename one of them"


@pytest.mark.parametrize(
    ("names", "argument", "told"),
    [
        (("notes.txt",), "{folder}", "holds no model: neither model.onnx nor"),
        (("seeds.json", "seed-0/model.onnx"), "{folder}", "holds the runs of several seeds"),
        (("a.onnx", "b.onnx"), "one={folder}", "holds several models, which one name cannot mean: one"),
        ([f"{number}.onnx" for number in range(MOST + 1)], "{folder}", "are too many for one server"),
    ],
)
def test_a_folder_that_names_no_models_is_refused(tmp_path, names, argument, told):
    made(tmp_path, *names)
    with pytest.raises(UsageError, match=told) as caught:
        sources((argument.format(folder=tmp_path),))
    assert caught.value.hint
