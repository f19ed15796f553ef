"""A prepared data set is what was loaded, made again when its files change or the cache is damaged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl.core.base.cache import cache_folder
from mtl.core.base.errors import ComponentError
from mtl.core.contracts import Columns, Dataset
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data.column_checks import check_columns
from mtl.core.data.pages import AboutToRead
from mtl.core.data.prepared import FOLDER, load_prepared
from mtl.core.data.store import Placed, StoreWriter
from mtl.plugins.forms import Categorical, Regression

CHOICE = {"name": "counted", "size": 3}


class Counted(Dataset):
    """Reads one number from a file, and counts how often."""

    def __init__(self, file: Path, kept: bool = True) -> None:
        self.file = file
        self.kept = kept
        self.loads = 0

    def spec(self) -> DatasetSpec:
        labels = {"class": Categorical(("a", "b")), "size": Regression(("x", "y"))}
        return DatasetSpec(ImageSpec(1, 2, 3), labels)

    def sources(self) -> Sequence[Path] | None:
        return [self.file] if self.kept else None

    def load(self) -> Mapping[str, Columns]:
        self.loads += 1
        value = int(self.file.read_text())
        labels = {"class": np.array([0, 1, -1]), "size": np.full((3, 2), np.nan, dtype=np.float32)}
        image = np.full((3, 1, 2, 3), value, dtype=np.uint8)
        return {
            "train": Columns(image, labels),
            "test": Columns(image[:1], {k: v[:1] for k, v in labels.items()}),
        }


def prepared(dataset: Dataset, choice: Mapping[str, Any] = CHOICE) -> Mapping[str, Columns]:
    def check(splits: Mapping[str, Columns], about_to_read: AboutToRead) -> None:
        for split in ("train", "test"):
            if split not in splits:
                raise ComponentError(f"no {split}")
            check_columns(splits[split], dataset.spec(), split, about_to_read)

    return load_prepared(dataset, choice, check).splits


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "data.txt").write_text("7")
    return Counted(tmp_path / "data.txt")


def kept() -> list[Path]:
    folder = cache_folder()
    assert folder is not None
    return sorted((folder / FOLDER).glob("*"))


def test_the_second_time_it_comes_from_the_cache(dataset: Counted) -> None:
    first, second = prepared(dataset), prepared(dataset)
    assert dataset.loads == 1
    assert list(second) == ["test", "train"] or list(second) == ["train", "test"]
    for split, columns in first.items():
        np.testing.assert_array_equal(columns.image, second[split].image)
        assert second[split].image.dtype == np.uint8
        for name, column in columns.labels.items():
            np.testing.assert_array_equal(column, second[split].labels[name])
            assert second[split].labels[name].dtype == column.dtype


def test_another_content_or_another_option_is_another_data_set(dataset: Counted) -> None:
    prepared(dataset)
    dataset.file.write_text("199")
    assert prepared(dataset)["train"].image.max() == 199
    prepared(dataset, {**CHOICE, "size": 4})
    assert dataset.loads == 3
    assert len(kept()) == 3


def test_content_of_the_same_size_and_time_is_noticed(dataset: Counted) -> None:
    prepared(dataset)
    before = dataset.file.stat()
    while dataset.file.stat().st_ctime_ns == before.st_ctime_ns:
        dataset.file.write_text("8")
        os.utime(dataset.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = dataset.file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert prepared(dataset)["train"].image.max() == 8


def test_a_data_set_that_was_typed_in_is_loaded_anew(
    dataset: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "__module__", "builtins")
    prepared(dataset)
    prepared(dataset)
    assert dataset.loads == 2


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_file_is_noticed_and_made_again(dataset: Counted, damage: str) -> None:
    prepared(dataset)
    (path,) = kept()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"flip": bytes(content), "truncate": bytes(content[:-5]), "empty": b""}[damage])
    assert prepared(dataset)["train"].image.max() == 7
    assert dataset.loads == 2
    prepared(dataset)
    assert dataset.loads == 2


def test_a_data_set_that_does_not_say_what_it_reads_is_loaded_anew(dataset: Counted) -> None:
    dataset.kept = False
    prepared(dataset)
    prepared(dataset)
    assert dataset.loads == 2
    assert kept() == []


def test_a_cache_that_cannot_be_written_stops_nothing(
    dataset: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert prepared(dataset)["train"].image.max() == 7


def test_a_missing_file_is_the_data_sets_own_error(dataset: Counted) -> None:
    dataset.file.unlink()
    with pytest.raises(FileNotFoundError):
        prepared(dataset)


def test_nothing_half_written_is_left(dataset: Counted) -> None:
    prepared(dataset)
    assert [path.suffix for path in kept()] == [".data"]


IMAGE = np.zeros((3, 1, 2, 3), np.uint8)
LABELS = {"class": np.zeros(3, np.int64), "size": np.zeros((3, 2), np.float32)}
HOSTILE: dict[str, dict[str, Columns]] = {
    "no splits": {},
    "no test": {"train": Columns(IMAGE, LABELS)},
    "no labels": {split: Columns(IMAGE, {}) for split in ("train", "test")},
    "other images": {split: Columns(np.zeros((3, 1, 9, 9), np.uint8), LABELS) for split in ("train", "test")},
    "labels out of range": {
        split: Columns(IMAGE, {**LABELS, "class": np.full(3, 99)}) for split in ("train", "test")
    },
    "rows out of range": {split: Columns(IMAGE, LABELS, np.array([0, 1, 3])) for split in ("train", "test")},
    "rows of another kind": {
        split: Columns(IMAGE, LABELS, np.zeros((3, 1), np.int32)) for split in ("train", "test")
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_whose_checksum_is_right_and_whose_content_is_not_is_made_again(
    dataset: Counted, name: str
) -> None:
    prepared(dataset)
    (path,) = kept()
    writer = StoreWriter(path.parent)
    splits = {
        split: Placed(columns, writer.array(columns.image), {}) for split, columns in HOSTILE[name].items()
    }
    writer.finish(splits, ())
    writer.publish(path)
    writer.close()
    assert prepared(dataset)["train"].image.max() == 7
    assert dataset.loads == 2


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to itself"])
def test_what_is_no_file_in_the_cache_is_not_read(dataset: Counted, kind: str) -> None:
    prepared(dataset)
    (path,) = kept()
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.symlink_to(path)
    assert prepared(dataset)["train"].image.max() == 7
    assert dataset.loads == 2


def test_without_a_home_nothing_is_kept(dataset: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MTL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}[0])
    assert cache_folder() is None
    assert prepared(dataset)["train"].image.max() == 7
