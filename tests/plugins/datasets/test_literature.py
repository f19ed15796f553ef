"""The readers of the literature's data sets, on small files written in the form they are published in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.datasets.celeba import ATTRIBUTES, Celeba
from mtl.plugins.datasets.cityscapes import Cityscapes
from mtl.plugins.datasets.dense_arrays import DenseArrays
from mtl.plugins.datasets.nyuv2 import Nyuv2

SIZE = (6, 8)
Array = NDArray[Any]


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).random(shape)


def write_arrays(folder: Path, **kinds: Callable[[int], Array]) -> None:
    for part, count in (("train", 12), ("val", 3)):
        for name, make in kinds.items():
            place = folder / part / name
            place.mkdir(parents=True)
            for index in range(count):
                np.save(place / f"{index}.npy", make(index))


def image(index: int) -> Array:
    return drawn(index, *SIZE, 3).astype(np.float32)


def classes(count: int) -> Callable[[int], Array]:
    return lambda index: np.floor(drawn(100 + index, *SIZE) * (count + 1) - 1).astype(np.float32)


def depth(index: int) -> Array:
    values = 1 + drawn(200 + index, *SIZE, 1)
    values[0, 0] = 0
    return values.astype(np.float32)


def normal(index: int) -> Array:
    values = drawn(300 + index, *SIZE, 3) - 0.5
    values /= np.linalg.norm(values, axis=2, keepdims=True)
    values[1, 2] = 0
    return values.astype(np.float32)


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "nyuv2", image=image, label=classes(13), depth=depth, normal=normal)
    return tmp_path / "nyuv2"


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "cityscapes", image=image, label_7=classes(7), depth=depth)
    return tmp_path / "cityscapes"


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    rows, parts = [], []
    for index in range(9):
        name = f"{index + 1:06d}.jpg"
        pixels = (255 * drawn(index, 22, 18, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "img_align_celeba" / name)
        rows.append(f"{name}  " + " ".join("1" if value > 0.5 else "-1" for value in drawn(index, 40)))
        parts.append(f"{name} {index // 3}")
    header = [str(len(rows)), " ".join(ATTRIBUTES) + " "]
    (folder / "list_attr_celeba.txt").write_text("\n".join([*header, *rows]) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return folder


def test_rooms_are_what_the_arrays_say(rooms: Path) -> None:
    loaded = Nyuv2(data_dir=rooms, size=SIZE).load()
    assert {split: len(columns) for split, columns in loaded.items()} == {"train": 12, "test": 3}
    found = loaded["train"]
    # The eleventh file by number, not by the order of letters.
    assert np.array_equal(found.image[10], np.rint(255 * image(10)).astype(np.uint8).transpose(2, 0, 1))
    given = classes(13)(10)
    assert np.array_equal(found.labels["segmentation"][10], np.where(given < 0, 255, given))
    metres = found.labels["depth"][10]
    assert np.isnan(metres[0, 0, 0])
    assert np.array_equal(metres[0, 1:], depth(10)[1:, :, 0])
    directions = found.labels["normals"][10]
    assert np.isnan(directions[:, 1, 2]).all()
    assert np.array_equal(directions[:, 2:], normal(10).transpose(2, 0, 1)[:, 2:])


@pytest.mark.parametrize("name", ["label_7", "label"])
def test_streets_are_read_under_both_names_of_their_classes(streets: Path, name: str) -> None:
    for part in ("train", "val"):
        (streets / part / "label_7").rename(streets / part / name)
    dataset = Cityscapes(data_dir=streets.parent, size=SIZE)
    assert list(dataset.spec().labels) == ["segmentation", "depth"]
    assert dataset.load()["test"].labels["depth"].shape == (3, 1, *SIZE)
    sources = dataset.sources()
    assert sources is not None
    assert len(sources) == 3 * 15


def test_faces_have_the_published_parts_and_forty_answers(faces: Path) -> None:
    loaded = Celeba(data_dir=faces.parent, size=(4, 5)).load()
    assert {split: len(columns) for split, columns in loaded.items()} == {
        "train": 3,
        "validation": 3,
        "test": 3,
    }
    said = drawn(4, 40) > 0.5
    found = loaded["validation"]
    assert np.array_equal(found.labels["attributes"][1], said.astype(np.int8))
    assert [found.labels[name][1] for name in ATTRIBUTES] == said.astype(int).tolist()
    assert found.image.shape == (3, 3, 4, 5)


@pytest.mark.parametrize(
    ("name", "folder", "tasks"),
    [("nyuv2", "rooms", 3), ("cityscapes", "streets", 2), ("celeba", "faces", 40)],
)
def test_a_recipe_without_tasks_has_those_of_the_literature(
    name: str, folder: str, tasks: int, registry: Registry, request: pytest.FixtureRequest
) -> None:
    section = {"name": name, "data_dir": str(request.getfixturevalue(folder))}
    size = {} if name == "celeba" else {"size": [32, 32]}
    tree = {"dataset": {**section, **size}, "encoder": "lenet" if name == "celeba" else "small-resnet"}
    composed = compose(read(RecipeSource(tree), registry), registry)
    assert len(composed.tasks) == tasks


def test_faces_keep_their_own_validation_part(faces: Path) -> None:
    splits = load_splits(Celeba(data_dir=faces, size=(4, 4)), validation=0.5, split_seed=0)
    assert [len(splits.named(name)) for name in ("train", "validation", "test")] == [3, 3, 3]


@pytest.mark.parametrize("dataset", [Nyuv2, Cityscapes, Celeba])
def test_files_that_are_not_there_are_missing(dataset: Any, tmp_path: Path) -> None:
    assert dataset(data_dir=tmp_path).sources() is None
    with pytest.raises(MissingRequirementError, match="is not in"):
        dataset(data_dir=tmp_path).load()


def changed(at: tuple[int, ...], value: float) -> Callable[[Array], Array]:
    def change(values: Array) -> Array:
        values[at] = value
        return values

    return change


@pytest.mark.parametrize(
    ("kind", "spoil", "message"),
    [
        ("image", lambda it: it[:5], r"is an array \[5, 8, 3\], expected \[6, 8, 3\]"),
        ("image", lambda it: it.transpose(2, 0, 1), r"is an array \[3, 6, 8\], expected \[6, 8, 3\]"),
        ("image", lambda it: 255 * it, "numbers must be in 0..1"),
        ("image", lambda it: it.astype(object), "holds object, expected numbers"),
        ("label", changed((0, 0), 13), "no class in 0..12, nor -1 for none: one is 13"),
        ("label", changed((0, 0), -2), "no class in 0..12, nor -1 for none: one is -2"),
        ("label", changed((0, 0), 0.5), "one is 0.5"),
        ("depth", changed((2, 3), np.nan), "1 of 48 numbers are not finite"),
        ("depth", changed((2, 3), np.inf), "not finite"),
        ("depth", changed((2, 3), -1), "are not in 0..inf, one is -1"),
        ("depth", lambda it: np.concatenate([it, it], axis=2), r"expected \[6, 8, 1\]"),
        ("normal", changed((2, 3, 1), np.nan), "not finite"),
        ("normal", changed((2, 3, 1), 2), "not in -1.01..1.01, one is 2"),
    ],
)
def test_an_array_that_is_not_what_it_should_be_is_named(
    rooms: Path, kind: str, spoil: Callable[[Array], Array], message: str
) -> None:
    path = rooms / "val" / kind / "1.npy"
    np.save(path, spoil(np.load(path)))
    with pytest.raises(UsageError, match=message) as refused:
        Nyuv2(data_dir=rooms, size=SIZE).load()
    assert str(path) in refused.value.message
    assert refused.value.hint


def test_arrays_of_another_size_are_told_how_to_be_read(rooms: Path) -> None:
    with pytest.raises(UsageError) as refused:
        Nyuv2(data_dir=rooms).load()
    assert refused.value.hint == "arrays of another size: --set dataset.size=[6,8]"


@pytest.mark.parametrize("kind", ["image", "depth"])
def test_a_part_that_is_missing_is_named(rooms: Path, kind: str) -> None:
    (rooms / "train" / kind / "7.npy").unlink()
    with pytest.raises(UsageError, match=rf"7\.npy, which {kind} lacks"):
        Nyuv2(data_dir=rooms, size=SIZE).load()


def test_a_folder_that_is_missing_is_named(streets: Path) -> None:
    (streets / "val" / "label_7").rename(streets / "val" / "labels")
    with pytest.raises(UsageError, match="has no folder label_7 or label"):
        Cityscapes(data_dir=streets, size=SIZE).load()


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00\xff\xff{"])
def test_a_damaged_array_is_named(rooms: Path, content: bytes) -> None:
    path = rooms / "train" / "depth" / "0.npy"
    path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        Nyuv2(data_dir=rooms, size=SIZE).load()
    assert str(path) in refused.value.message


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("list_attr_celeba.txt", "9\n", "8\n", "has 9 pictures, and says 8"),
        ("list_attr_celeba.txt", "9\n", "nine\n", ":1: must be the number of pictures"),
        ("list_attr_celeba.txt", "Smiling ", "Laughing ", ":2: must be the names of the 40 attributes"),
        ("list_attr_celeba.txt", "000001.jpg ", "000001.jpg 1", ":3: must be a name and 40 times 1 or -1"),
        ("list_attr_celeba.txt", "000002.jpg ", "000002.jpg 0", ":4: must be a name and 40 times 1 or -1"),
        ("list_attr_celeba.txt", "000002.jpg ", "../secret.jpg ", ":4: '../secret.jpg' is no name"),
        (
            "list_eval_partition.txt",
            "000004.jpg 1",
            "000004.jpg 3",
            ":4: must be a picture's name and 0, 1 or 2",
        ),
        ("list_eval_partition.txt", "000004.jpg 1\n", "", "1 pictures have no part, first 000004.jpg"),
        ("list_eval_partition.txt", " 2", " 1", "no picture is in the part 2"),
    ],
)
def test_a_list_of_faces_that_does_not_fit_is_named(
    faces: Path, file: str, old: str, new: str, message: str
) -> None:
    path = faces / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message):
        Celeba(data_dir=faces).load()


def test_a_face_that_is_no_picture_is_named(faces: Path) -> None:
    (faces / "img_align_celeba" / "000003.jpg").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"000003\.jpg"):
        Celeba(data_dir=faces).load()


@pytest.mark.parametrize("dataset", [Nyuv2, Cityscapes])
def test_published_sizes_are_stated(dataset: type[DenseArrays]) -> None:
    assert sum(dataset.published.values()) in (1449, 3475)


def test_molecules_of_a_table_are_rows_with_eleven_properties(tmp_path: Path, registry: Registry) -> None:
    properties = ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "u0", "u", "h", "cv")
    names = [*(f"descriptor_{number}" for number in range(4)), *properties]
    rows = [",".join(f"{value:.6f}" for value in drawn(index, len(names))) for index in range(40)]
    (tmp_path / "qm9.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    tree = {"dataset": {"name": "table", "file": str(tmp_path / "qm9.csv")}, "tasks": list(properties)}
    composed = compose(read(RecipeSource(tree), registry), registry)
    assert list(composed.tasks) == list(properties)
    assert composed.recipe.encoder.name == "mlp"
    (row,) = composed.dataset_spec.inputs
    assert len(row.columns) == 4
