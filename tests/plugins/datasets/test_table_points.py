"""Columns of x and y are points of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts import InMemory
from mtl.plugins.datasets.table import PictureTable
from mtl.plugins.forms import Points, Regression

from .table_samples import write_table

COUNT = 12
FACE = "file,nose_x,nose_y,left_eye_x,left_eye_y,right_eye_x,right_eye_y"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of 20 x 10 (width x height), the first lying on its side in its file."""
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(256, size=(10, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def table(folder: Path, header: str, cells: Sequence[str], **options: Any) -> PictureTable:
    rows = [f"{number}.png,{cell}" for number, cell in enumerate(cells)]
    return PictureTable(file=write_table(folder / "a.csv", header, rows), **options)


def values_of(data: PictureTable) -> np.ndarray:
    """Return the points of every row, in the order of the rows."""
    splits = data.load_into(InMemory()).values()
    rows = np.concatenate([columns.rows for columns in splits if columns.rows is not None])
    return np.concatenate([columns.labels["points"] for columns in splits])[np.argsort(rows)]


def test_pairs_of_columns_are_points_with_a_task_a_mirror_and_a_line(folder: Path) -> None:
    data = table(folder, FACE, ["10,5,4,2,16,2"] * (COUNT - 1) + [",,4,2,,"])
    assert data.tasks() == {"points": {"task": "keypoints", "label": "points"}}
    spec = data.spec()
    assert spec.labels == {"points": Points(("nose", "left_eye", "right_eye"))}
    assert spec.symmetries["points"].mirror == (0, 2, 1)
    assert "  points: 3 points: nose, left_eye, right_eye, in pixels" in data.understood()
    assert "  nose_x: ignored: a part of points" in data.understood()
    values = values_of(data)
    np.testing.assert_allclose(values[0], [[0.5, 0.5], [0.2, 0.2], [0.8, 0.2]])
    np.testing.assert_allclose(values[-1, 1], [0.2, 0.2])
    assert np.isnan(values[-1, [0, 2]]).all()


def test_places_up_to_1_are_shares_unless_it_is_said(folder: Path) -> None:
    cells = ["0.5,1", "0.25,0.5"] * 6
    np.testing.assert_allclose(values_of(table(folder, "file,x,y", cells))[0], [[0.5, 1.0]])
    pixels = {"points": {"type": "points", "units": "pixels"}}
    found = values_of(table(folder, "file,x,y", cells, columns=pixels))
    np.testing.assert_allclose(found[0], [[0.025, 0.1]])


def test_pixels_are_those_of_the_picture_as_it_is_seen(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(folder / "0.png", exif=exif)
    values = values_of(table(folder, "file,x,y", ["5,10"] * COUNT))
    np.testing.assert_allclose(values[:2], [[[0.5, 0.5]], [[0.25, 1.0]]])


@pytest.mark.parametrize(
    ("way", "place"),
    # Of 20 x 10 to 8 x 8: scaled to 16 x 8 and cut by 4 on the left, or to 8 x 4 with 2 above.
    [("stretch", (0.5, 0.3)), ("crop", (0.5, 0.3)), ("pad", (0.5, (2 + 0.3 * 4) / 8))],
)
def test_points_go_where_their_pictures_go(folder: Path, way: str, place: tuple[float, float]) -> None:
    cells = ["10,3"] * (COUNT - 1) + ["1,3"]
    found = values_of(table(folder, "file,x,y", cells, size=8, preparation={"resize": way}))
    np.testing.assert_allclose(found[0], [place], atol=1e-6)
    # At the left edge: cut off, so not visible, or where that is.
    assert np.isnan(found[-1]).all() == (way == "crop")


def test_what_is_said_of_columns_counts(folder: Path) -> None:
    cells = ["1.5,2.5,3,4", "4.5,3,2,1", "1,3.5,5.5,7.5"] * 4
    header = "file,a_x,a_y,b_x,b_y"
    alone = table(folder, header, cells, columns={"a_x": {"type": "number"}})
    assert {name: type(form) for name, form in alone.spec().labels.items()} == {
        "points": Points,
        "a_x": Regression,
        "a_y": Regression,
    }
    numbers = table(folder, header, cells, columns={"points": {"type": "number"}})
    assert list(numbers.spec().labels) == ["a_x", "a_y", "b_x", "b_y"]
    none = table(
        folder,
        f"{header},kg",
        [f"{cell},{n}.5" for n, cell in enumerate(cells)],
        columns={"points": {"type": "ignore"}},
    )
    assert list(none.spec().labels) == ["kg"]
    named = table(folder, header, cells, columns={"corner": {"type": "points", "of": ("b",)}})
    assert named.spec().labels["corner"] == Points(("b",))
    read = table(folder, header, cells, inputs=("a_x", "a_y"))
    assert read.spec().labels == {"points": Points(("b",))}


def test_numbers_below_zero_are_no_places(folder: Path) -> None:
    data = table(folder, "file,speed_x,speed_y", [f"{n - 6}.5,{n}.5" for n in range(COUNT)])
    assert list(data.spec().labels) == ["speed_x", "speed_y"]


def test_a_point_outside_of_its_picture_is_not_visible_and_that_is_remarked(folder: Path) -> None:
    data = table(folder, "file,x,y", ["5,5"] * (COUNT - 1) + ["21,5"])
    assert np.isnan(values_of(data)[-1]).all()
    assert data.remarks() == ("points: 1 of 12 places lie outside of their pictures: not visible",)


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        (
            ["5,5"] * 4 + ["30,5", "5,11"],
            {},
            "2 of 6 places lie outside of their pictures: point is at (30, 5) of 10 x 20 pixels (line 6)",
        ),
        (["5,5", "5,", ",5"], {}, "'x' has a number where 'y' has none (lines 3, 4)"),
        (
            ["5,5"],
            {"columns": {"p": {"type": "points", "of": ("tail",)}}},
            "'p': there is no tail_x with tail_y",
        ),
        (["5,5"], {"columns": {"x": {"type": "points"}}}, "'x': points are made of two columns each"),
        (["5,5"], {"columns": {"points": {"type": "points", "units": "mm"}}}, "'points' has units 'mm'"),
        (["5,a"], {"columns": {"p": {"type": "points"}}}, "column 'y': 'a' is no number (line 2)"),
        ([",", ","], {"columns": {"p": {"type": "points"}}}, "point 'point' is nowhere"),
    ],
)
def test_a_mistake_in_points(folder: Path, cells: list[str], options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        table(folder, "file,x,y", cells, **options).load()
    assert said in refused.value.message
    assert refused.value.hint is not None


def test_one_picture_with_two_places_is_refused(folder: Path) -> None:
    path = write_table(folder / "a.csv", "file,x,y", ["0.png,1,2", "1.png,1,2", "0.png,1,3"])
    with pytest.raises(UsageError, match=r"'0\.png' has two labels: '1 2' \(line 2\) and '1 3' \(line 4\)"):
        PictureTable(file=path).load()


def test_rows_without_pictures_have_no_points(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", "x,y,price", [f"{n},{n * n},{n / 3}" for n in range(COUNT)])
    assert list(PictureTable(file=path).spec().labels) == ["price"]
    stated = PictureTable(file=path, columns={"p": {"type": "points"}})
    with pytest.raises(UsageError, match="points lie in pictures; there are none"):
        stated.spec()
