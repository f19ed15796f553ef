"""Columns of mask files and map files: told by what the files are, refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.plugins.datasets.table import PictureTable
from mtl.plugins.forms import PixelClasses, PixelValues

from .table_samples import write_pictures, write_table

COUNT, SIDE = 12, 6


def pixels_of(number: int) -> np.ndarray:
    """What `write_pictures` draws."""
    return np.random.default_rng(number).integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)


def write_masks(
    folder: Path, values: tuple[int, ...] = (0, 1, 255), mode: str = "P", side: int = SIDE
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).choice(values, size=(side, side)).astype(np.uint8)
        mask = Image.fromarray(pixels)
        if mode == "P":
            mask.putpalette([0, 0, 0, 200, 0, 0, *[9] * 762])
        mask.convert(mode).save(folder / f"{number}.png")


def write_depths(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(500, 9000, size=(SIDE, SIDE)).astype(np.uint16)
        pixels[0, 0] = 0  # not known
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "photos", COUNT, SIDE)
    write_masks(tmp_path / "masks")
    write_depths(tmp_path / "depths")
    rows = [f"photos/{n}.png,{f'masks/{n}.png' if n else ''},depths/{n}.png" for n in range(COUNT)]
    return write_table(tmp_path / "table.csv", "photo,mask,depth", rows)


def load(table: Path, **options):
    dataset = PictureTable(file=table, **options)
    spec, splits = dataset.spec(), dataset.load()
    for columns in splits.values():
        for name, form in spec.labels.items():
            assert form.column_problem(columns.labels[name], len(columns)) is None
    return dataset, spec, splits


def test_masks_and_maps_are_told_by_their_files(table):
    dataset, spec, splits = load(table, columns={"depth": {"type": "map", "scale": 0.001, "units": "m"}})
    assert spec.labels["mask"] == PixelClasses(("0", "1"), SIDE, SIDE)
    assert spec.labels["depth"] == PixelValues(("depth",), SIDE, SIDE, "m", positive=True)
    assert dataset.tasks() == {
        "mask": {"task": "segment", "label": "mask"},
        "depth": {"task": "depth", "label": "depth"},
    }
    said = "\n".join(dataset.understood())
    assert "mask: a class per pixel, of 2: 0, 1; 1 absent; 3" in said
    assert "% of pixels without a label" in said
    masks = np.concatenate([columns.labels["mask"] for columns in splits.values()])
    assert (masks == 255).all(axis=(1, 2)).sum() == 1
    depths = np.concatenate([columns.labels["depth"] for columns in splits.values()])
    assert np.isnan(depths[:, 0, 0, 0]).all()
    assert 0.5 <= np.nanmin(depths) <= np.nanmax(depths) <= 9


def test_without_a_word_a_map_keeps_its_numbers(table):
    _, spec, _ = load(table)
    assert spec.labels["depth"] == PixelValues(("depth",), SIDE, SIDE, positive=True)


def test_a_mask_stays_beside_its_picture(table):
    _, _, splits = load(table)
    for columns in splits.values():
        for picture, mask in zip(columns.image, columns.labels["mask"], strict=True):
            number = next(n for n in range(COUNT) if (pixels_of(n) == picture.transpose(1, 2, 0)).all())
            drawn = np.random.default_rng(number).choice((0, 1, 255), size=(SIDE, SIDE))
            assert (mask == (drawn if number else 255)).all()


def test_masks_are_scaled_with_their_pictures_and_never_mixed(tmp_path):
    write_pictures(tmp_path, COUNT, 12)
    write_masks(tmp_path / "masks", (0, 7), side=12)
    rows = [f"{n}.png,masks/{n}.png" for n in range(COUNT)]
    table = write_table(tmp_path / "t.csv", "photo,mask", rows)
    _, spec, splits = load(table, size=(6, 4))
    # Numbers that are not those from 0 on are classes in their order.
    assert spec.labels["mask"] == PixelClasses(("0", "7"), 6, 4)
    assert set(np.unique(splits["train"].labels["mask"])) == {0, 1}


@pytest.mark.parametrize("values", [(0, 255), (0, 1)])
@pytest.mark.parametrize("way", ["crop", "pad", "fit"])
def test_masks_go_where_their_pictures_go_and_what_surrounds_them_has_no_label(tmp_path, way, values):
    """A mask is drawn that is its picture, thresholded: so they stay beside one another."""
    rows = []
    for n in range(COUNT):
        picture = np.random.default_rng(n).choice((0, 200), size=(4, 8)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{n}.png")
        Image.fromarray(np.where(picture > 100, values[1], values[0]).astype(np.uint8)).save(
            tmp_path / f"m{n}.png"
        )
        rows.append(f"{n}.png,m{n}.png")
    table = write_table(tmp_path / "t.csv", "photo,mask", rows)
    ways = {"resize": way, "interpolation": "nearest"} | ({} if way == "crop" else {"fill": 7})
    columns = {"mask": {"type": "mask"}, "photo": {"type": "path"}}
    _, _, splits = load(table, columns=columns, size=(6, 10), channels=1, preparation=ways)
    for part in splits.values():
        for picture, mask in zip(part.image, part.labels["mask"], strict=True):
            expected = np.where(picture[0] == 7, 255, picture[0] > 100)
            np.testing.assert_array_equal(mask, expected)
            assert (picture == 7).any() == (way != "crop")


def test_an_upright_mask_belongs_to_a_picture_that_lies_in_its_file(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for n in range(COUNT):
        picture = np.random.default_rng(n).choice((0, 200), size=(4, 8)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{n}.png", exif=exif)
        Image.fromarray((np.rot90(picture, -1) > 100).astype(np.uint8)).save(tmp_path / f"m{n}.png")
    rows = [f"{n}.png,m{n}.png" for n in range(COUNT)]
    _, spec, splits = load(write_table(tmp_path / "t.csv", "photo,mask", rows))
    assert spec.labels["mask"] == PixelClasses(("0", "1"), 8, 4)
    for part in splits.values():
        np.testing.assert_array_equal(part.labels["mask"], part.image[:, 0] > 100)


@pytest.mark.parametrize("values", [(0, 255), (0, 1)])
def test_black_and_white_are_two_classes(tmp_path, values):
    write_pictures(tmp_path, COUNT, SIDE)
    write_masks(tmp_path / "masks", values, "L")
    table = write_table(tmp_path / "t.csv", "photo,mask", [f"{n}.png,masks/{n}.png" for n in range(COUNT)])
    _, spec, splits = load(table, columns={"mask": {"type": "mask"}})
    assert spec.labels["mask"].classes == tuple(map(str, values))
    assert set(np.unique(splits["train"].labels["mask"])) == {0, 1}


def test_classes_may_be_named(table):
    _, spec, _ = load(table, columns={"mask": {"type": "mask", "classes": ("sky", "road", "car")}})
    assert spec.labels["mask"].classes == ("sky", "road", "car")


def refusal(table, **options):
    with pytest.raises(UsageError) as refused:
        PictureTable(file=table, **options).spec()
    return f"{refused.value.message}\n{refused.value.hint}"


def test_a_number_without_a_class_is_refused_with_its_file(tmp_path, table):
    write_masks(tmp_path / "masks", (0, 1, 5))
    said = refusal(table, columns={"mask": {"type": "mask", "classes": ("sky", "road")}})
    assert "masks/1.png (line 3) holds 5: its 2 classes are the numbers 0 to 1, and 255 is no label" in said


def test_a_mask_of_another_size_than_its_picture_is_refused(tmp_path, table):
    Image.fromarray(np.zeros((3, SIDE), np.uint8)).save(tmp_path / "masks" / "4.png")
    said = refusal(table, columns={"mask": {"type": "mask"}})
    assert "masks/4.png (line 6) is 3 x 6 pixels, and its picture" in said
    assert "column 'mask'" in said


def test_a_mask_in_colours_is_refused(tmp_path, table):
    write_masks(tmp_path / "masks", mode="RGB")
    said = refusal(table, columns={"mask": {"type": "mask"}})
    assert "has RGB pixels, no mask: it needs a class's number in each pixel" in said


def test_a_mask_that_is_not_there_and_one_outside_are_refused(tmp_path, table):
    (tmp_path / "masks" / "3.png").unlink()
    assert "name pictures that are not in" in refusal(table, columns={"mask": {"type": "mask"}})
    text = table.read_text().replace("masks/5.png", "../5.png")
    table.write_text(text)
    assert "lead out of" in refusal(table, columns={"mask": {"type": "mask"}})


def test_a_second_column_of_photographs_is_no_mask(tmp_path):
    write_pictures(tmp_path / "a", COUNT, SIDE)
    write_pictures(tmp_path / "b", COUNT, SIDE)
    rows = [f"a/{n}.png,b/{n}.png,{n % 2}" for n in range(COUNT)]
    table = write_table(tmp_path / "t.csv", "file_name,other,alive", rows)
    dataset, spec, _ = load(table)
    assert list(spec.labels) == ["alive"]
    assert any("other: ignored: file_name holds the pictures" in line for line in dataset.understood())


def test_arrays_of_numpy_are_maps_and_masks(table: Path) -> None:
    folder = table.parent
    depth = np.linspace(0.5, 4.0, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    depth[0, 1] = np.nan
    for number in range(COUNT):
        np.save(folder / "depths" / f"{number}.npy", depth.astype("float64" if number % 2 else "float32"))
        np.save(folder / "masks" / f"{number}.npy", np.arange(SIDE * SIDE).reshape(1, SIDE, SIDE) % 3 - 1)
    rows = [f"photos/{n}.png,masks/{n}.npy,depths/{n}.npy" for n in range(COUNT)]
    write_table(table, "photo,mask,depth", rows)
    _, spec, splits = load(table)
    assert spec.labels == {
        "mask": PixelClasses(("0", "1"), SIDE, SIDE),
        "depth": PixelValues(("depth",), SIDE, SIDE, "", True),
    }
    np.testing.assert_array_equal(splits["train"].labels["depth"][0, 0], depth)
    np.testing.assert_array_equal(splits["train"].labels["mask"][0, 0], [255, 0, 1, 255, 0, 1])


BROKEN = [
    (b"no image", "column 'mask': {} is not an image"),
    (None, "column 'mask': {}: cannot be read as a mask"),
    (b"\x93NUMPY\x01\x00", "column 'mask': {}: cannot be read as a mask"),
]


@pytest.mark.parametrize(("content", "said"), BROKEN)
def test_a_broken_mask_is_told_with_column_line_and_remedy(
    table: Path, content: bytes | None, said: str
) -> None:
    path = table.parent / "masks" / "5.png"
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with pytest.raises(UsageError) as refused:
        PictureTable(file=table, columns={"mask": {"type": "mask"}}).load()
    place = f"{table.parent}/masks/5.png (line 7)"
    assert refused.value.message.startswith(said.format(place))
    assert refused.value.hint == (
        "replace it, empty the cell, or leave the column out: --set dataset.columns.mask=ignore"
    )


@pytest.mark.parametrize(
    "values", [np.zeros((2, 3, 4)), np.zeros((SIDE, SIDE), complex), np.zeros(3, object)]
)
def test_an_array_that_is_no_map_is_refused_by_name(table: Path, values: np.ndarray) -> None:
    np.save(table.parent / "depths" / "5.npy", values)
    rows = [f"photos/{n}.png,depths/{n}.{'npy' if n == 5 else 'png'}" for n in range(COUNT)]
    write_table(table, "photo,depth", rows)
    with pytest.raises(
        UsageError, match=r"depths/5\.npy \(line 7\): is an array .* expected numbers \[height, width\]"
    ):
        PictureTable(file=table, columns={"depth": {"type": "map"}}).load()
