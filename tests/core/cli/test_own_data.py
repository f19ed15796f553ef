"""`mtl compose --data` goes from a table to a proven file, and says what it understood."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.tables import Table, read_table
from mtl.exports.inference import ExportedModel
from mtl.plugins.datasets import table

Command = Callable[..., Any]
TINY = ("--encoder", "mlp", "--set", "encoder.hidden=[8]", "--epochs", "1", "--device", "cpu")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of thirty pictures with its metadata.csv; every third colour is missing."""
    lines = ["file_name,colour,weight"]
    for number in range(30):
        pixels = np.random.default_rng(number).integers(256, size=(12, 12, 3), dtype=np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
        lines.append(f"{number}.png,{('red', 'blue', '')[number % 3]},{number / 4}")
    (tmp_path / "photos" / "metadata.csv").write_text("\n".join(lines))
    return tmp_path / "photos"


def test_a_table_becomes_a_proven_file_with_a_task_per_column(mtl: Command, photos: Path) -> None:
    result = mtl("compose", "--data", str(photos), *TINY, "--out", "run", "--json")
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert set(found["metrics"]["test"]) == {"colour", "weight"}
    assert found["export"]["verification"]["passed"]
    assert "  colour: class of 2: blue, red; 10 absent" in result.err
    assert "labels of colour: 14 train, 2 validation, 4 test" in result.err
    report = (Path("run") / "report.html").read_text()
    assert "labels of colour" in report
    assert "class of 2: blue, red; 10 absent" in report
    answered = mtl("predict", "run", str(photos / "1.png"))
    assert re.search(r"^ +weight +-?[\d.]+$", answered.out, re.MULTILINE), answered.out


def test_a_dry_run_says_what_was_understood(mtl: Command, photos: Path) -> None:
    result = mtl("compose", "--data", str(photos), "--tasks", "weight", "--dry-run", "--json")
    plan = json.loads(result.out)
    assert plan["data"][0] == "metadata.csv: 30 rows, pictures of 12 x 12 pixels, colour"
    assert list(plan["recipe"]["tasks"]) == ["weight"]


def test_a_dry_run_looks_at_some_pictures_and_refuses_broken_ones(mtl: Command, photos: Path) -> None:
    asked = ("compose", "--data", str(photos), "--tasks", "weight", "--dry-run")
    assert "\nlooked at 30 of 30 pictures, all read whole\n" in mtl(*asked).err
    (photos / "7.png").write_bytes((photos / "7.png").read_bytes()[:90])
    broken = mtl(*asked)
    assert broken.status == 2
    assert f"error: 1 of 30 pictures looked at cannot be read: {photos / '7.png'}: " in broken.err
    assert "\nleft out: 1 of 30 pictures looked at" in mtl(*asked, "--skip-broken").err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("dataset.columns.wieght=class", "metadata.csv has no column 'wieght'"),
        ("dataset.columns.colour=number", "metadata.csv: column 'colour': 'red' is no number"),
        ("dataset.targets=[size]", "metadata.csv: no column 'size' is known"),
    ],
)
def test_a_mistake_is_told_of_the_option_that_was_written(
    written: str, said: str, mtl: Command, photos: Path
) -> None:
    result = mtl("compose", "--data", str(photos), "--set", written, "--dry-run")
    assert result.status == 2
    assert result.err.startswith(f"error: --set {written.partition('=')[0]}: {photos}/{said}"), result.err


def test_a_flag_that_a_data_set_does_not_take_is_told_with_those_that_do(mtl: Command, photos: Path) -> None:
    result = mtl("compose", "--data", str(photos), "--dataset", "digits", "--tasks", "classify", "--dry-run")
    assert result.status == 2
    assert "error: --data: dataset 'digits' does not take it\n" in result.err
    assert "or take one of: coco, hf, table\n" in result.err


def test_a_picture_is_told_from_a_table(mtl: Command, photos: Path) -> None:
    result = mtl("compose", "--data", str(photos / "1.png"), "--dry-run")
    assert "1.png: is a picture, not a text table\n  hint: a table names pictures" in result.err


def test_what_is_not_used_or_left_out_is_a_warning(mtl: Command, photos: Path) -> None:
    (photos / "0.png").write_text("broken")
    settings = ("--set", "train.validation=0.3", "--set", "dataset.skip_broken=true")
    result = mtl("compose", "--data", str(photos), *TINY, *settings, "--out", "run")
    assert result.status == 0, result.err
    assert "warning: left out: 1 of 30 pictures cannot be read" in result.err
    assert (
        "warning: train.validation is not used: the data set has a validation part of its own" in result.err
    )


def test_comparisons_take_a_table_too(mtl: Command, photos: Path) -> None:
    result = mtl("compare", "--data", str(photos), "--sharing", "hard,none", "--dry-run", "--json")
    assert result.status == 0, result.err
    plan = json.loads(result.out)
    assert set(plan["tasks"]) == {"colour", "weight"}
    assert plan["data"] == ["looked at 30 of 30 pictures, all read whole"]


@pytest.mark.parametrize("dry", [("--dry-run",), ()], ids=["dry", "real"])
@pytest.mark.parametrize(
    "words",
    [
        ("compare", "--sharing", "hard,none"),
        ("affinity",),
        ("search", "--space", "train.batch_size=8,16"),
        ("compose", "--seeds", "2", "--executor", "local"),
    ],
    ids=lambda words: words[0],
)
def test_a_broken_picture_is_refused_before_any_of_many_trainings(
    mtl: Command, photos: Path, words: tuple[str, ...], dry: tuple[str, ...]
) -> None:
    (photos / "3.png").write_bytes(b"none")
    result = mtl(*words, "--data", str(photos), "--encoder", "mlp", "--out", "made", *dry)
    assert (result.status, result.err.count("3.png")) == (2, 1)
    assert "1 of 30 pictures looked at cannot be read" in result.err
    assert not list(Path().glob("made*"))


@pytest.mark.parametrize("asked", [(), ("--tasks", "weight"), ("--tasks", "colour,weight")])
@pytest.mark.parametrize("pictured", [True, False])
def test_a_table_is_read_once(
    mtl: Command, photos: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...], pictured: bool
) -> None:
    reads: list[Path] = []

    def counted(path: Path, encoding: str) -> Table:
        reads.append(path)
        return read_table(path, encoding)

    monkeypatch.setattr(table, "read_table", counted)
    if not pictured:
        (photos / "metadata.csv").write_text(
            "size,colour,weight\n"
            + "".join(f"{n}.5,{'red' if n % 2 else 'blue'},{n / 3}\n" for n in range(30))
        )
    result = mtl("compose", "--data", str(photos), *asked, "--dry-run", "--json")
    assert result.status == 0, result.err
    assert len(reads) == 1


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """A folder of thirty pictures of 20 x 30, the colour in the middle, with its metadata.csv."""
    (tmp_path / "photos").mkdir()
    lines = ["file_name,colour"]
    for number in range(30):
        pixels = np.random.default_rng(number).integers(90, 110, size=(30, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
        lines.append(f"{number}.png,{('red', 'blue')[number % 2]}")
    (tmp_path / "photos" / "metadata.csv").write_text("\n".join(lines))
    return tmp_path / "photos"


def test_the_exported_file_prepares_pictures_as_training_did(mtl: Command, portraits: Path) -> None:
    ways = ("--set", "dataset.preparation.resize=crop", "--set", "dataset.size=8")
    result = mtl("compose", "--data", str(portraits), *TINY, *ways, "--out", "run")
    assert result.status == 0, result.err
    assert "8 x 8 pixels, colour, scaled and cropped from 30 x 20" in result.err
    card = ExportedModel(Path("run") / "model.onnx").card
    assert card.preparation == Preparation(ImageSpec(3, 8, 8), "crop")
    stated = card.metadata["preparation"]
    assert stated["mean"] == card.metadata["normalization"]["mean"]
    assert stated["range"] == [0, 1]
    assert card.metadata["training_pictures"]["aspect"] == [0.6667, 0.6667]
    # No --resize: the file says how. Files of all sizes are read, and what is far out is told.
    long = portraits / "long.png"
    Image.fromarray(np.tile(np.asarray(Image.open(portraits / "1.png").convert("RGB")), (1, 10, 1))).save(
        long
    )
    answered = mtl("predict", "run", str(portraits / "1.png"), str(long), "--json")
    assert answered.status == 0, answered.err
    assert len(json.loads(answered.out)["predictions"]) == 2
    assert "long.png has another shape (200 x 30): much wider than the training pictures" in answered.err
    again = mtl("verify", "run")
    assert again.status == 0, again.err


def test_a_mistake_in_the_preparation_names_the_option(mtl: Command, portraits: Path) -> None:
    for text, said in {
        "resize=squeeze": "'dataset.preparation.resize'",
        "share=2": "preparation.share",
        "fill=3": "error: --set dataset.preparation.fill: fill says nothing where pictures are stretched",
        "size=3": "preparation.size",
    }.items():
        result = mtl("compose", "--data", str(portraits), "--set", f"dataset.preparation.{text}", "--dry-run")
        assert result.status == 2, result.err
        assert said.removeprefix("'dataset.").removesuffix("'") in result.err, result.err
