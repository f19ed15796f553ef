"""Every mistake in a table is one clear line, with the place and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.plugins.datasets.table import PictureTable

from .table_samples import write_pictures, write_table

NAMES = [f"{number}.png" for number in range(12)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(tmp_path, 12)
    return tmp_path


def refusal(folder: Path, header: str, cells: Sequence[str], **options) -> str:
    rows = [f"{name},{cell}" for name, cell in zip(NAMES, cells, strict=False)]
    path = write_table(folder / "a.csv", f"file,{header}", rows)
    with pytest.raises(UsageError) as caught:
        PictureTable(file=path, **options).load()
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "FOLDER")


def test_no_table_and_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the data set needs a table\n  hint: pass it with --data FILE"):
        PictureTable().spec()
    with pytest.raises(UsageError, match=r"gone\.csv: there is no such file"):
        PictureTable(file=tmp_path / "gone.csv").spec()


COLUMNS = [
    (
        "a",
        ["x", "y"] * 3,
        {"columns": {"b": {"type": "class"}}},
        "a.csv has no column 'b'\n  hint: columns: file, a",
    ),
    (
        "a",
        ["x"] * 6,
        {"columns": {"a": {"type": "class"}}},
        (
            "a.csv: column 'a': every label is 'x': there is nothing to tell\n"
            "  hint: leave it out: --set dataset.columns.a=ignore"
        ),
    ),
    (
        "a",
        ["yes"] * 6,
        {"columns": {"a": {"type": "yes-no"}}},
        (
            "a.csv: column 'a': every label is yes: there is nothing to tell\n"
            "  hint: leave it out: --set dataset.columns.a=ignore"
        ),
    ),
    (
        "a",
        ["3"] * 6,
        {"columns": {"a": {"type": "number"}}},
        (
            "a.csv: column 'a': every label is 3: there is nothing to tell\n"
            "  hint: leave it out: --set dataset.columns.a=ignore"
        ),
    ),
    (
        "my a",
        [""] * 6,
        {"columns": {"my a": {"type": "class"}}},
        (
            "a.csv: column 'my a': it has no label: there is nothing to tell\n"
            "  hint: leave it out: --set 'dataset.columns.my a=ignore'"
        ),
    ),
    (
        "a",
        ["yes", "no", "maybe", "yes"],
        {"columns": {"a": {"type": "yes-no"}}},
        (
            "a.csv: column 'a': 'maybe' says neither yes nor no (line 4)\n"
            "  hint: --set 'dataset.columns.a.yes=[...]' says which values mean yes"
        ),
    ),
    (
        "a",
        ["red", "blue", "gren"] * 2,
        {"columns": {"a": {"classes": ("red", "blue", "green")}}},
        "a.csv: column 'a': 'gren' is none of its classes (lines 4, 7)\n  hint: did you mean 'green'?",
    ),
    (
        "kg",
        ['"3,5"', "4", '"1,25"', "3"],
        {},
        (
            "a.csv: column 'kg': '3,5' has a comma (lines 2, 4), and 1 more values like it\n"
            "  hint: write 3.5, or say that commas are meant: --set 'dataset.decimal=\",\"'"
        ),
    ),
    (
        "mass",
        ["3 kg", "4 kg", "5 kg", "7.5 kg"],
        {},
        (
            "a.csv: column 'mass': '3 kg' has a unit (lines 2, 3, 4, ...), and 3 more values like it\n"
            "  hint: write the number alone, and the unit into the column's name"
        ),
    ),
    (
        "age",
        ["31", "45", "unknown", "28", "19", "64", "2"],
        {},
        (
            "a.csv: column 'age': 'unknown' is no number (line 4)\n"
            "  hint: a hole: --set 'dataset.columns.age={type: number, absent: [unknown]}'; "
            "or classes: --set dataset.columns.age=class"
        ),
    ),
    (
        "mask",
        ["0.png", "1.png"],
        {},
        (
            "a.csv: 2 columns could hold the paths of the pictures, and none of them names masks or maps: "
            "of file, 0.png has RGB pixels, not one number in each; "
            "of mask, 0.png has RGB pixels, not one number in each\n"
            "  hint: say which does: --set dataset.columns.file=path; "
            "or which not: --set dataset.columns.mask=ignore"
        ),
    ),
    (
        "mask",
        ["masks/0.png", "masks/1.png"],
        {},
        (
            "a.csv: column 'mask': none of its files that were looked for is there: 'masks/0.png'\n"
            "  hint: mend the paths, or leave the column out: --set dataset.columns.mask=ignore"
        ),
    ),
    (
        "split,a",
        ["train,x", "fold 1,y", ",x", "test,y"],
        {},
        (
            "a.csv: column 'split': 'fold 1' means no part (lines 3, 4)\n"
            "  hint: write train, validation or test; or: --set dataset.columns.split=ignore"
        ),
    ),
    (
        "split,patient,a",
        ["train,p,x", "train,q,y", "test,p,x", "val,r,y"],
        {},
        (
            "a.csv: patient 'p' has rows in two parts, train and test\n"
            "  hint: mend column 'split'; or, if that is meant: --set dataset.columns.patient=ignore"
        ),
    ),
    (
        "split,a",
        ["train,cat", "train,dog", "test,lynx", "test,lynx", "train,cat", "val,dog"],
        {},
        (
            "a.csv: column 'a': class 'lynx' has no row for training: 2 rows for test (lines 4, 5)\n"
            "  hint: move some to training, or make them holes: --set 'dataset.columns.a.absent=[lynx]'"
        ),
    ),
    (
        "patient,a",
        ["p,x", "p,y", "p,x", "p,y"],
        {},
        (
            "a.csv: no row is left for testing\n"
            "  hint: add rows, or change dataset.test and dataset.validation; each 'patient' is in one part"
        ),
    ),
    (
        "a",
        ["x\x07", "y"] * 3,
        {},
        (
            "a.csv: column 'a': the class 'x\\x07' is no readable name of 100 letters at most\n"
            "  hint: leave it out: --set dataset.columns.a=ignore"
        ),
    ),
]


@pytest.mark.parametrize(("header", "cells", "options", "said"), COLUMNS)
def test_a_mistake_in_columns(folder: Path, header, cells, options, said) -> None:
    assert refusal(folder, header, cells, **options) == said


def path_refusal(folder: Path, names: Sequence[str], labels: str = "xyxyxyxyxyxy", **options) -> str:
    table = folder / "tables" / "a.csv"
    table.parent.mkdir(exist_ok=True)
    write_table(table, "file,a", [f"{name},{label}" for name, label in zip(names, labels, strict=False)])
    with pytest.raises(UsageError) as caught:
        PictureTable(file=table, columns={"file": {"type": "path"}}, **options).load()
    return str(caught.value).replace(f"{folder}/", "").replace(str(folder), "FOLDER")


def test_pictures_that_are_nowhere(folder: Path) -> None:
    assert path_refusal(folder, [f"gone/{name}" for name in NAMES]) == (
        "tables/a.csv: 12 of 12 rows name pictures that are not in tables: 'gone/0.png' (line 2), "
        "'gone/1.png' (line 3), 'gone/2.png' (line 4), ...\n"
        "  hint: paths start from the table's folder; --set dataset.root=FOLDER names another"
    )


def test_pictures_that_are_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert path_refusal(folder, NAMES).endswith("hint: they are in FOLDER: --set dataset.root=FOLDER")
    monkeypatch.chdir("/")
    write_pictures(folder / "tables" / "images", 12)
    assert path_refusal(folder, NAMES).endswith(
        "hint: they are in tables/images: --set dataset.root=tables/images"
    )
    write_pictures(folder / "tables", 12)
    assert path_refusal(folder, [str(number) for number in range(12)]).endswith(
        "hint: their names lack an ending: --set dataset.ending=.png"
    )


@pytest.mark.parametrize("name", ["../0.png", "/etc/passwd", "img/../../0.png", "."])
def test_paths_that_lead_out_of_the_folder(folder: Path, name: str) -> None:
    assert path_refusal(folder, [name, "1.png"]).startswith(
        f"tables/a.csv: 1 of 2 rows lead out of tables: {name!r} (line 2)\n"
    )


def test_links_that_lead_out_of_the_folder(folder: Path) -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "img").symlink_to(folder)
    (folder / "tables" / "l.png").symlink_to(folder / "0.png")
    assert path_refusal(folder, ["img/0.png", "l.png"]) == (
        "tables/a.csv: 2 of 2 rows are links that lead out of tables: 'img/0.png' (line 2), "
        "'l.png' (line 3)\n"
        "  hint: pictures are read below one folder; --set dataset.root=FOLDER names another"
    )


@pytest.mark.parametrize("name", ["", "a\\ud800.png", "tables", "x" * 5000])
def test_names_that_no_file_can_have(folder: Path, name: str) -> None:
    path = folder / "a.jsonl"
    path.write_text(f'{{"file_name": "{name}", "a": "x"}}\n{{"file_name": "0.png", "a": "y"}}\n')
    (folder / "tables").mkdir()
    with pytest.raises(UsageError, match="1 of 2 rows name"):
        PictureTable(file=path, columns={"file_name": {"type": "path"}}).load()


def test_a_root_that_is_nowhere(folder: Path) -> None:
    assert path_refusal(folder, NAMES, root=folder / "gone").startswith("gone: there is no such folder\n")


def test_a_class_of_thousands_of_digits_is_refused_before_it_is_sorted(folder: Path) -> None:
    said = refusal(folder, "a", ["1" * 5000, "x"] * 3, columns={"a": {"type": "class"}})
    assert "is no readable name of 100 letters at most" in said


def test_rows_without_a_picture_and_tables_without_a_column_of_paths(folder: Path) -> None:
    assert path_refusal(folder, ["", *NAMES]).startswith(
        "tables/a.csv: 1 of 12 rows name no picture: '' (line 2)\n"
    )
    path = write_table(folder / "b.csv", "a,b", ["x,1", "y,2"])
    with pytest.raises(UsageError, match=r"b.csv: no column holds paths of pictures, and .*; columns: a, b"):
        PictureTable(file=path).spec()


def test_all_broken_pictures_at_once(folder: Path) -> None:
    for number in range(2, 6):
        (folder / f"{number}.png").write_text("x")
    assert refusal(folder, "a", ["x", "y"] * 6) == (
        "4 of 12 pictures cannot be read: 2.png: is not an image; 3.png: is not an image; "
        "4.png: is not an image; ...\n"
        "  hint: mend them, or leave them out: --set dataset.skip_broken=true"
    )


def test_one_picture_with_two_labels(folder: Path) -> None:
    names = [*NAMES[:4], "./0.png", "1.png", "2.png"]
    path = write_table(
        folder / "a.csv", "file,a", [f"{name},{label}" for name, label in zip(names, "xyxyyxx", strict=True)]
    )
    with pytest.raises(UsageError) as caught:
        PictureTable(file=path).spec()
    assert str(caught.value) == (
        f"{path}: column 'a': '0.png' has two labels: 'x' (line 2) and 'y' (line 6); and so on: 2 pictures\n"
        "  hint: keep one row per picture, or leave the doubtful label empty"
    )


def test_a_picture_in_two_parts(folder: Path) -> None:
    (folder / "5.png").write_bytes((folder / "0.png").read_bytes())
    parts = ["train"] * 4 + ["val", "test"]
    assert refusal(folder, "split,a", [f"{p},{'xy'[n % 2]}" for n, p in enumerate(parts)]) == (
        "1 picture is in two parts of the data: 0.png (train) = 5.png (test)\n"
        "  hint: a model is not tested on what it was trained on: leave one of each out of the table, "
        "or go on with --set dataset.allow_duplicates=true"
    )
