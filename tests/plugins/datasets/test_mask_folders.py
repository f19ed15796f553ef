"""Folders of masks beside a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.plugins.datasets.mask_folders import MaskFolders
from mtl.plugins.forms import PixelClasses, PixelValues

COUNT, SIDE = 12, 6


def write(folder: Path, pictures: str = "images", masks: str = "masks", first: int = 0) -> None:
    for name in (pictures, masks):
        (folder / name).mkdir(parents=True)
    for number in range(first, first + COUNT):
        random = np.random.default_rng(number)
        picture = random.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(picture).save(folder / pictures / f"{number}.png")
        if number > first:
            # The mask says where the picture is red: to be found beside its own picture.
            Image.fromarray((picture[..., 0] > 127).astype(np.uint8)).save(folder / masks / f"{number}.png")


def load(folder: Path, **options):
    dataset = MaskFolders(data_dir=folder, **options)
    return dataset.spec(), dataset.load()


def assert_beside(splits) -> None:
    for columns in splits.values():
        for picture, mask in zip(columns.image, columns.labels["masks"], strict=True):
            assert (mask == 255).all() or (mask == (picture[0] > 127)).all()


@pytest.mark.parametrize("pictures", ["images", "RGB shots"])
def test_files_of_one_name_belong_together(tmp_path, pictures):
    write(tmp_path, pictures)
    spec, splits = load(tmp_path)
    assert spec.labels == {"masks": PixelClasses(("0", "1"), SIDE, SIDE)}
    assert sum(len(columns.alone()) for columns in splits.values()) == COUNT
    assert_beside({name: columns.alone() for name, columns in splits.items()})
    absent = sum(int((c.labels["masks"] == 255).all(axis=(1, 2)).sum()) for c in splits.values())
    assert absent == 1


@pytest.mark.parametrize("place", ["{part}/{kind}", "{kind}/{part}"])
def test_parts_are_folders_on_either_level(tmp_path, place):
    for number, part in enumerate(("train", "val", "test")):
        pictures, masks = (place.format(part=part, kind=kind) for kind in ("images", "masks"))
        write(tmp_path, pictures, masks, 100 * number)
    _, splits = load(tmp_path)
    assert {name: len(columns.alone()) for name, columns in splits.items()} == {
        "train": COUNT,
        "validation": COUNT,
        "test": COUNT,
    }
    assert_beside({name: columns.alone() for name, columns in splits.items()})


def test_a_folder_may_hold_depth(tmp_path):
    write(tmp_path)
    (tmp_path / "depth").mkdir()
    for number in range(COUNT):
        Image.fromarray(np.full((SIDE, SIDE), 700 + number, np.uint16)).save(
            tmp_path / "depth" / f"{number}.png"
        )
    spec, _ = load(tmp_path, columns={"depth": {"type": "map", "scale": 0.001, "units": "m"}})
    assert spec.labels["depth"] == PixelValues(("depth",), SIDE, SIDE, "m", positive=True)


def test_one_folder_is_not_enough(tmp_path):
    write(tmp_path)
    for path in (tmp_path / "masks").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="a folder of pictures and one of masks or maps are needed"):
        load(tmp_path)
    with pytest.raises(UsageError, match="the data set needs a folder"):
        MaskFolders().spec()
