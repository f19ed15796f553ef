"""A prepared data set is what was loaded, made again when its files change or the cache is damaged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mtl.core.cache import cache_folder
from mtl.core.contracts import Columns, Dataset
from mtl.core.prepared import FOLDER, load_prepared
from mtl.core.specs import Categorical, DatasetSpec, ImageSpec, Regression

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


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "data.txt").write_text("7")
    return Counted(tmp_path / "data.txt")


def kept() -> list[Path]:
    return sorted((cache_folder() / FOLDER).glob("*"))


def test_the_second_time_it_comes_from_the_cache(dataset: Counted) -> None:
    first, second = load_prepared(dataset, CHOICE), load_prepared(dataset, CHOICE)
    assert dataset.loads == 1
    assert list(second) == ["test", "train"] or list(second) == ["train", "test"]
    for split, columns in first.items():
        np.testing.assert_array_equal(columns.image, second[split].image)
        assert second[split].image.dtype == np.uint8
        for name, column in columns.labels.items():
            np.testing.assert_array_equal(column, second[split].labels[name])
            assert second[split].labels[name].dtype == column.dtype


def test_another_content_or_another_option_is_another_data_set(dataset: Counted) -> None:
    load_prepared(dataset, CHOICE)
    dataset.file.write_text("199")
    assert load_prepared(dataset, CHOICE)["train"].image.max() == 199
    load_prepared(dataset, {**CHOICE, "size": 4})
    assert dataset.loads == 3
    assert len(kept()) == 3


def test_content_of_the_same_size_and_time_is_noticed(dataset: Counted) -> None:
    load_prepared(dataset, CHOICE)
    before = dataset.file.stat()
    while dataset.file.stat().st_ctime_ns == before.st_ctime_ns:
        dataset.file.write_text("8")
        os.utime(dataset.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = dataset.file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load_prepared(dataset, CHOICE)["train"].image.max() == 8


def test_a_data_set_that_was_typed_in_is_loaded_anew(
    dataset: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "__module__", "builtins")
    load_prepared(dataset, CHOICE)
    load_prepared(dataset, CHOICE)
    assert dataset.loads == 2


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_file_is_noticed_and_made_again(dataset: Counted, damage: str) -> None:
    load_prepared(dataset, CHOICE)
    (path,) = kept()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"flip": bytes(content), "truncate": bytes(content[:-5]), "empty": b""}[damage])
    assert load_prepared(dataset, CHOICE)["train"].image.max() == 7
    assert dataset.loads == 2
    load_prepared(dataset, CHOICE)
    assert dataset.loads == 2


def test_a_data_set_that_does_not_say_what_it_reads_is_loaded_anew(dataset: Counted) -> None:
    dataset.kept = False
    load_prepared(dataset, CHOICE)
    load_prepared(dataset, CHOICE)
    assert dataset.loads == 2
    assert kept() == []


def test_a_cache_that_cannot_be_written_stops_nothing(
    dataset: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert load_prepared(dataset, CHOICE)["train"].image.max() == 7


def test_a_missing_file_is_the_data_sets_own_error(dataset: Counted) -> None:
    dataset.file.unlink()
    with pytest.raises(FileNotFoundError):
        load_prepared(dataset, CHOICE)


def test_nothing_half_written_is_left(dataset: Counted) -> None:
    load_prepared(dataset, CHOICE)
    assert [path.suffix for path in kept()] == [".safetensors"]
