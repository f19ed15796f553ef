"""A table of pictures becomes splits of pictures and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.datasets.table import PictureTable
from mtl.plugins.datasets.table_tasks import CLASS_METRICS
from mtl.plugins.forms import Binary, Categorical, Regression

from .table_samples import write_pictures, write_table

COUNT = 20


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twenty rows: a colour (four of them without), whether it is an animal, and a weight."""
    names = write_pictures(tmp_path / "img", COUNT)
    rows = [
        f"img/{name},{'red' if n % 2 else 'blue' if n % 5 else '?'},{'yes' if n % 3 else 'no'},{n / 4}"
        for n, name in enumerate(names)
    ]
    return write_table(tmp_path / "a.csv", "file,colour,is animal,weight", rows)


def rows_of(columns) -> list[int]:
    """Return the rows that samples come from, by their weight."""
    return (columns.labels["weight"][:, 0] * 4).astype(int).tolist()


def test_columns_become_labels_and_tasks(table: Path) -> None:
    data = PictureTable(file=table)
    assert data.spec().image == ImageSpec(3, 6, 6)
    assert data.spec().labels == {
        "colour": Categorical(("blue", "red")),
        "is animal": Binary("is animal", "not is animal"),
        "weight": Regression(("weight",)),
    }
    assert data.tasks() == {
        "colour": {"task": "classify", "label": "colour", "metrics": [*CLASS_METRICS]},
        "is_animal": {"task": "classify", "label": "is animal", "metrics": [*CLASS_METRICS]},
        "weight": {"task": "regress", "label": "weight"},
    }


def test_rows_are_parted_and_keep_their_pictures_and_labels(table: Path) -> None:
    splits = PictureTable(file=table).load()
    assert {part: len(columns) for part, columns in splits.items()} == {
        "train": 14,
        "validation": 2,
        "test": 4,
    }
    assert sorted(row for columns in splits.values() for row in rows_of(columns)) == list(range(COUNT))
    for columns in splits.values():
        for index, row in enumerate(rows_of(columns)):
            picture = np.asarray(Image.open(table.parent / f"img/{row}.png")).transpose(2, 0, 1)
            assert (columns.image[index] == picture).all()
            assert columns.labels["colour"][index] == (1 if row % 2 else 0 if row % 5 else -1)
            assert columns.labels["is animal"][index] == (row % 3 != 0)


def test_what_was_understood_is_told(table: Path) -> None:
    assert PictureTable(file=table).understood() == [
        "a.csv: 20 rows, pictures of 6 x 6 pixels, colour",
        "  file: path",
        "  colour: class of 2: blue, red; 2 absent",
        "  is animal: yes or no: 13 yes, 7 no",
        "  weight: number from 0 to 4.75",
        (
            "no column says the parts: 20 % for testing (dataset.test) and 10 % for "
            "validation (dataset.validation) are taken by seed 0"
        ),
    ]


def test_what_a_recipe_says_of_columns_counts(table: Path) -> None:
    columns = {
        "colour": {"classes": ("red", "blue", "green"), "absent": ("red",)},
        "is animal": {"yes": ("no",)},
        "weight": {"type": "ignore"},
    }
    data = PictureTable(file=table, columns=columns)
    assert data.spec().labels["colour"] == Categorical(("red", "blue", "green"))
    assert "weight" not in data.spec().labels
    found = [value for part in data.load().values() for value in part.labels["is animal"].tolist()]
    assert sum(found) == 7
    assert set(data.load()["train"].labels["colour"].tolist()) == {-1, 1}


def test_units_and_decimal_commas(tmp_path: Path) -> None:
    names = write_pictures(tmp_path, 6)
    path = write_table(tmp_path / "a.csv", "file;mass", [f"{name};{n},5" for n, name in enumerate(names)])
    data = PictureTable(file=path, decimal=",", columns={"mass": {"units": "kg"}}, test=0.5)
    assert data.spec().labels == {"mass": Regression(("mass",), "kg")}
    assert sorted(v for part in data.load().values() for v in part.labels["mass"][:, 0].tolist()) == [
        0.5, 1.5, 2.5, 3.5, 4.5, 5.5,
    ]  # fmt: skip


def test_a_column_says_the_parts_and_what_is_missing_is_carved(tmp_path: Path) -> None:
    names = write_pictures(tmp_path, COUNT)
    parts = ["Test" if n < 5 else "train" for n in range(COUNT)]
    rows = [f"{name},{part},{n % 2}" for n, (name, part) in enumerate(zip(names, parts, strict=True))]
    data = PictureTable(file=write_table(tmp_path / "a.csv", "file,split,odd", rows))
    assert {part: len(columns) for part, columns in data.load().items()} == {
        "train": 13,
        "validation": 2,
        "test": 5,
    }
    assert data.understood()[-2:] == [
        "parts as column 'split' says: train 15, test 5",
        "of the training rows: 10 % for validation (dataset.validation) are taken by seed 0",
    ]


def test_groups_and_equal_pictures_stay_in_one_part(tmp_path: Path) -> None:
    names = write_pictures(tmp_path, COUNT)
    for n in range(10, COUNT):  # of another name, the same as one before
        (tmp_path / names[n]).write_bytes((tmp_path / names[n - 10]).read_bytes())
    rows = [f"{name},p{n % 10 // 2},{n % 2},{n / 4}" for n, name in enumerate(names)]
    path = write_table(tmp_path / "a.csv", "file,patient_id,odd,weight", rows)
    splits = PictureTable(file=path).load()
    where = {row: part for part, columns in splits.items() for row in rows_of(columns)}
    for row in range(10):
        assert where[row] == where[row + 10] == where[row ^ 1]


@pytest.mark.parametrize(
    ("sizes", "options", "form"),
    [
        ([(6, 8)] * 2, {}, ("[3, 6, 8]", "6 x 8 pixels, colour")),
        (
            [(6, 8), (8, 6)],
            {},
            ("[3, 64, 64]", "64 x 64 pixels, colour, scaled from 6 x 8 and others (dataset.size)"),
        ),
        ([(65, 9)] * 2, {}, ("[3, 64, 64]", "64 x 64 pixels, colour, scaled from 65 x 9 (dataset.size)")),
        ([(65, 9)] * 2, {"size": (65, 9), "channels": 1}, ("[1, 65, 9]", "65 x 9 pixels, grey")),
    ],
)
def test_the_form_of_the_pictures(tmp_path: Path, sizes, options, form) -> None:
    for number, (height, width) in enumerate(sizes):
        Image.new("RGB", (width, height), (number, 0, 0)).save(tmp_path / f"{number}.png")
    path = write_table(tmp_path / "a.csv", "file,a", ["0.png,x", "1.png,y", "0.png,x", "1.png,y"])
    data = PictureTable(file=path, **options)
    assert (
        str(data.spec().image).removeprefix("image "),
        data.understood()[0].split("pictures of ")[1],
    ) == form


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    for number in range(2):
        Image.new("L", (4, 4), number).save(tmp_path / f"{number}.png")
    path = write_table(tmp_path / "a.csv", "file,a", ["0.png,x", "1.png,y"] * 2)
    assert PictureTable(file=path).spec().image == ImageSpec(1, 4, 4)


def test_broken_pictures_may_be_left_out_and_are_told(table: Path) -> None:
    for name in ("3.png", "4.png"):
        (table.parent / "img" / name).write_text("x")
    data = PictureTable(file=table, skip_broken=True)
    left = sorted(row for columns in data.load().values() for row in rows_of(columns))
    assert left == [row for row in range(COUNT) if row not in (3, 4)]
    folder = table.parent / "img"
    assert data.remarks() == (
        (
            f"left out: 2 of 20 pictures cannot be read: {folder}/3.png: is not an image; "
            f"{folder}/4.png: is not an image"
        ),
    )
    assert data.sources() is not None


def test_duplicates_in_two_parts_are_allowed_when_that_is_said(tmp_path: Path) -> None:
    write_pictures(tmp_path, 4)
    rows = ["0.png,train,x", "1.png,train,y", "0.png,test,x", "2.png,val,y"]
    path = write_table(tmp_path / "a.csv", "file,split,a", rows)
    splits = PictureTable(file=path, allow_duplicates=True, columns={"a": {"type": "class"}}).load()
    assert (splits["train"].image[0] == splits["test"].image[0]).all()


def test_what_is_cached_depends_on_the_table_and_its_pictures(table: Path) -> None:
    sources = PictureTable(file=table).sources()
    assert sources is not None
    assert {table, *(table.parent / "img" / f"{n}.png" for n in range(COUNT))} <= set(sources)


def test_paths_of_other_systems_and_roots_are_found(tmp_path: Path) -> None:
    write_pictures(tmp_path / "img" / "a", 2)
    path = write_table(tmp_path / "a.csv", "name,a", ["a\\0,x", "a\\1,y"] * 2)
    data = PictureTable(file=path, root=tmp_path / "img", ending=".png", columns={"name": {"type": "path"}})
    assert data.spec().image == ImageSpec(3, 6, 6)


def test_pictures_that_the_table_holds_are_read_from_it(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = write_pictures(tmp_path, COUNT)
    held = [(tmp_path / name).read_bytes() for name in names]
    columns = {"photo": held, "file_name": names, "weight": [n / 4 for n in range(COUNT)]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    for name in names[1:]:
        (tmp_path / name).unlink()
    data = PictureTable(file=tmp_path / "a.parquet")
    assert data.understood()[1:3] == ["  photo: pictures", "  file_name: ignored: photo holds the pictures"]
    for columns in data.load().values():
        for index, row in enumerate(rows_of(columns)):
            pixels = np.random.default_rng(row).integers(256, size=(6, 6, 3), dtype=np.uint8)
            assert (columns.image[index] == pixels.transpose(2, 0, 1)).all()
    assert tmp_path / "a.parquet" in (data.sources() or ())
    assert data.load()["test"].image.shape == (4, 3, 6, 6)
    held[3] = held[3][:60]
    parquet.write_table(
        pyarrow.table({"photo": held, "odd": [n % 2 for n in range(COUNT)]}), tmp_path / "a.parquet"
    )
    with pytest.raises(UsageError, match=r"1 of 20 pictures cannot be read: .*a\.parquet: row 4: "):
        PictureTable(file=tmp_path / "a.parquet").load()


def test_numbers_beside_classes_weigh_more_and_alone_they_do_not(table: Path) -> None:
    data = PictureTable(file=table)
    assert data.balancer(["colour", "weight"]) == {"name": "weighted", "weights": {"weight": 10.0}}
    assert data.balancer(["colour", "is_animal"]) == data.balancer(["weight"]) == {}
