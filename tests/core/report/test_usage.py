"""The commands and programs that the page gives to its readers run as they are."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from mtl.core.contracts.specs import ImageSpec
from mtl.core.report.subject import Subject
from mtl.core.report.usage import command, program
from mtl.core.running.exporting import export
from mtl.exports.images import read_image
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.plugins.forms import Binary, Categorical, Image, Regression

Make = Callable[..., Any]


def subject(run: Any, **verification: Any) -> Subject:
    return Subject(
        run.folder.path,
        run.composition,
        run.splits,
        run.history,
        run.metrics,
        verification,
        {"device": "cpu"},
    )


def constant(source: str, name: str) -> Any:
    """Return what a program assigns to a name, without running it."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{name} is not assigned")


@pytest.mark.parametrize("options", [{}, {"input": "uint8", "raw": True}], ids=["default", "uint8 and raw"])
def test_the_program_answers_with_the_exported_file(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    run = make()
    exported = export(
        run.composition, run.splits.validation, {}, run.folder.path / "model.onnx", OnnxExporter(**options)
    )
    monkeypatch.chdir(tmp_path)
    Pillow.fromarray(np.arange(30, dtype=np.uint8).reshape(6, 5)).save("IMAGE.png")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program(subject(run, **exported.verification)), {})
    lines = printed.getvalue().splitlines()
    assert lines[0].split()[0] == "kind"
    assert lines[0].split()[1] in ("cat", "dog", "bird")
    assert lines[1].split()[1] in ("even", "odd")
    assert lines[2].startswith("how-many {'circles': ")
    assert Path("answer-4.png").exists() is not bool(options)


def test_names_with_quotes_and_line_breaks_make_no_other_program(make: Make, wanted: Any) -> None:
    evil = "a\"]; raise SystemExit #'\n\\"
    tasks = {
        evil: wanted(Categorical((evil, "b"))),
        "x" + evil: wanted(Binary(evil, evil)),
        "y" + evil: wanted(Regression((evil,), evil)),
        "z" + evil: wanted(Image(1, 6, 5)),
    }
    source = program(subject(make(tasks)))
    assert constant(source, "names") == list(tasks)
    assert constant(source, "classes_0") == [evil, "b"]
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)]


def test_long_lists_of_classes_stay_readable(make: Make) -> None:
    classes = tuple(f"class number {index}" for index in range(135))
    source = program(subject(make(Categorical(classes))))
    assert max(len(line) for line in source.splitlines()) < 130
    assert constant(source, "classes_0") == list(classes)


def test_the_command_gives_extra_inputs_and_a_place_for_images(make: Make, wanted: Any) -> None:
    plain = command(subject(make(Categorical(("a", "b")))))
    assert plain.endswith("model.onnx IMAGE.png")
    every = command(subject(make()))
    assert "--input number=3" in every
    assert every.endswith("--out answers")


def test_a_folder_with_a_space_is_quoted(make: Make) -> None:
    made = subject(make(Categorical(("a", "b"))))
    moved = Subject(Path("my runs/one"), *[getattr(made, name) for name in list(vars(made))[1:]])
    assert "'my runs/one/model.onnx'" in command(moved)


def test_pixels_of_other_channels_are_left_to_the_reader(make: Make) -> None:
    source = program(subject(make(Categorical(("a", "b")), image=(2, 4, 4))))
    assert "np.zeros((1, 2, 4, 4), dtype=np.float32)" in source
    assert "PIL" not in source
    compile(source, "program", "exec")


def saved(kind: str) -> None:
    """Save a picture that is easily read in another way."""
    if kind == "transparent":
        pixels = np.zeros((6, 5, 4), dtype=np.uint8)
        pixels[2:4, 1:3, 3] = 200
        Pillow.fromarray(pixels).save("IMAGE.png")
    elif kind == "16 bits":
        Pillow.fromarray((np.arange(30) * 2000).astype(np.uint16).reshape(6, 5)).save("IMAGE.png")
    else:
        exif = Pillow.Exif()
        exif[0x0112] = 6
        Pillow.fromarray(np.arange(30, dtype=np.uint8).reshape(5, 6)).save("IMAGE.png", exif=exif)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["transparent", "16 bits", "sideways"])
def test_the_program_reads_a_picture_as_training_does(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, channels: int
) -> None:
    source = program(subject(make(Categorical(("a", "b")), image=(channels, 6, 5))))
    monkeypatch.chdir(tmp_path)
    saved(kind)
    found: dict[str, Any] = {}
    exec(source.partition("\nmodel = ")[0], found)
    expected = read_image(Path("IMAGE.png"), ImageSpec(channels, 6, 5))
    np.testing.assert_allclose(found["image"][0], expected / np.float32(255), atol=1e-6)
