"""What a command line may name, and what comes of it."""

from __future__ import annotations

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.exports.answer_table import write_answers
from mtl.exports.named_images import Naming, named_images

from .test_predict_command import run


@pytest.fixture
def folder(tmp_path):
    """Pictures of the model's size, one of them below, one hidden; and a table of two of them."""
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "more/c.png", ".d.png"):
        Image.fromarray(np.full((8, 8), 90, np.uint8)).save(photos / name)
    (photos / "notes.txt").write_text("x")
    (photos / "table.csv").write_text("n,path\n1,more/c.png\n2,b.png\n")
    return photos


def names(*places, **naming):
    return [image.name for image in named_images(places, Naming(**naming))]


def test_a_folder_stands_for_its_pictures_and_those_below(folder):
    assert names(folder) == [str(folder / name) for name in ("a.JPG", "b.png", "more/c.png")]


def test_a_pattern_stands_for_what_matches(folder):
    assert names(folder / "*.png") == [str(folder / "b.png")]
    assert names(folder / "**" / "*.png") == [str(folder / name) for name in ("b.png", "more/c.png")]


def test_a_table_names_pictures_as_it_calls_them(folder):
    found = named_images([folder / "table.csv"], Naming())
    assert [(image.name, image.path) for image in found] == [
        ("more/c.png", folder / "more" / "c.png"),
        ("b.png", folder / "b.png"),
    ]


def test_a_tables_column_root_and_ending_can_be_said(folder):
    (folder / "ids.csv").write_text("id,n\nb,1\n")
    (folder.parent / "ids.tsv").write_text("file_name\tother\nb\tx.png\n")
    assert names(folder / "ids.csv", column="id", ending=".png") == ["b"]
    assert names(folder.parent / "ids.tsv", root=folder, ending=".png") == ["b"]


def test_files_are_named_as_they_are_whatever_is_there(folder):
    assert names(folder / "notes.txt", folder / "gone.png") == [
        str(folder / "notes.txt"),
        str(folder / "gone.png"),
    ]


def refusal(*places, **naming):
    with pytest.raises(UsageError) as caught:
        named_images(places, Naming(**naming))
    return str(caught.value)


def test_what_names_nothing_is_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty: holds no pictures\n  hint: files end in .png" in refusal(tmp_path / "empty")
    assert "no file matches" in refusal(folder / "*.bmp")
    assert "has no column 'paht'\n  hint: did you mean 'path'?" in refusal(
        folder / "table.csv", column="paht"
    )
    (folder / "two.csv").write_text("a,b\n1,2\n")
    assert (
        "has no columns that hold paths of pictures\n  hint: say which does: --column NAME (a, b)"
        in refusal(folder / "two.csv")
    )
    (folder / "gone.csv").write_text("path\ngone.png\n")
    assert "1 of 1 rows name pictures that are not in" in refusal(folder / "gone.csv")
    assert refusal(folder / "gone.csv").endswith("--root=FOLDER names another")


def test_a_place_that_cannot_be_looked_through_is_named(folder, monkeypatch):
    (folder / "long.csv").write_text("path\nb\\" + "a" * 300 + ".png\n")
    assert "1 of 1 rows name pictures that are not in" in refusal(folder / "long.csv")
    assert "cannot be read as a place of pictures: File name too long" in refusal(folder / ("a" * 300))

    def gone(*_):
        raise FileNotFoundError(2, "No such file or directory", "photos/more")

    monkeypatch.setattr(os, "scandir", gone)
    assert f"{folder}: cannot be read as a place of pictures: No such file" in refusal(folder)


def test_answers_are_written_with_a_row_per_picture(exported, folder, tmp_path):
    for ending in ("csv", "jsonl"):
        assert run(exported.path, folder, "--input", "number=3", "--to", tmp_path / f"a.{ending}") == ""
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == names(folder)
    assert list(rows[0]) == list(lines[0])
    assert {"classify", "classify probability", "even-odd", "count squares", "count circles"} <= set(rows[0])
    for row, line in zip(rows, lines, strict=True):
        assert row == {key: str(value) for key, value in line.items()}


def test_one_value_has_its_tasks_name_and_commas_are_quoted(tmp_path):
    answer = {"weight": {"values": {"kg": 3.5}, "units": ""}, "kind": {"class": "a, b", "probability": 0.5}}
    write_answers(tmp_path / "a.csv", ["x,y.png"], [answer])
    assert (tmp_path / "a.csv").read_text() == (
        'image,weight,kind,kind probability\n"x,y.png",3.5,"a, b",0.5\n'
    )


def test_another_ending_is_refused_before_anything_is_done(exported, tmp_path):
    with pytest.raises(UsageError, match=r"answers are written as \.csv or \.jsonl"):
        run(exported.path, "gone.png", "--to", tmp_path / "a.xlsx")


def test_a_table_may_hold_the_pictures_itself(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    contents = [(folder / name).read_bytes() for name in ("b.png", "more/c.png")]
    parquet.write_table(pyarrow.table({"photo": contents}), folder / "t.parquet")
    found = named_images([folder / "t.parquet"], Naming())
    assert [image.name for image in found] == [f"{folder}/t.parquet: row 1", f"{folder}/t.parquet: row 2"]
    assert [image.held() for image in found] == contents
