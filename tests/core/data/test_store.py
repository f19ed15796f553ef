"""Pictures in a mapped file are those in memory; damage is noticed, and what is unfinished is not left."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mtl.core.base.errors import ComponentError, MissingRequirementError, UsageError
from mtl.core.base.files import PARTIAL, writing_to
from mtl.core.contracts import Columns, Dataset, InMemory, Storage
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data import picture_storage
from mtl.core.data.prepared import FOLDER
from mtl.core.data.samples import Splits, channel_statistics, load_splits
from mtl.core.data.store import StoreWriter, read_store
from mtl.plugins.forms import Binary, PixelClasses, PixelValues

SHAPE = ImageSpec(3, 5, 7)


class Drawn(Dataset):
    """150 pictures in one array, drawn part by part; two splits choose from them."""

    def __init__(self, source: Path, fails_at: int | None = None) -> None:
        self.source = source
        self.fails_at = fails_at
        self.loads = 0

    def spec(self) -> DatasetSpec:
        return DatasetSpec(SHAPE, {"label": Binary()})

    def sources(self) -> Sequence[Path]:
        return [self.source]

    def remarks(self) -> Sequence[str]:
        return [f"loaded {self.loads}"]

    def load(self) -> Mapping[str, Columns]:
        return {name: part.alone() for name, part in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        def fill(start: int, out: NDArray[np.uint8]) -> None:
            for index, place in enumerate(out, start):
                if index == self.fails_at:
                    raise UsageError(f"picture {index} is broken")
                place[...] = np.random.default_rng(index).integers(256, size=SHAPE.shape)

        self.loads += 1
        image = storage.pictures(150, SHAPE, fill)
        order = np.random.default_rng(0).permutation(150)
        parts = {"train": order[:100], "test": order[100:140]}
        return {name: Columns(image, {"label": rows % 2}, rows) for name, rows in parts.items()}


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawn:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "source").write_text("some file")
    return Drawn(tmp_path / "source")


def loaded(dataset: Dataset, memory: picture_storage.Memory) -> Splits:
    return load_splits(dataset, validation=0.2, split_seed=0, choice={"name": "drawn"}, memory=memory)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / FOLDER).glob("*"), key=lambda path: path.name)


def same(one: Splits, other: Splits) -> bool:
    return all(
        torch.equal(one.named(name).image, other.named(name).image)
        and torch.equal(one.named(name).labels["label"], other.named(name).labels["label"])
        for name in ("train", "validation", "test")
    )


@pytest.mark.parametrize("first", ["resident", "mapped"])
def test_mapped_and_resident_are_the_same_whichever_was_written(dataset: Drawn, first: str) -> None:
    one = loaded(dataset, first)  # type: ignore[arg-type]
    for memory in ("mapped", "resident"):
        other = loaded(dataset, memory)  # type: ignore[arg-type]
        assert other.mapped is (memory == "mapped")
        assert same(one, other)
        assert channel_statistics(one.train) == channel_statistics(other.train)
        assert other.remarks == ("loaded 1",)
    assert dataset.loads == 1


def test_pictures_are_those_of_the_data_set_in_its_order(dataset: Drawn) -> None:
    plain = dataset.load()
    mapped = loaded(dataset, "mapped")
    assert torch.equal(mapped.test.image, torch.from_numpy(plain["test"].image))
    chosen = torch.tensor([3, 0, 3])
    assert torch.equal(mapped.test.select(chosen).image, mapped.test.image[chosen])


def test_what_is_not_kept_is_mapped_from_a_file_without_a_name(dataset: Drawn, tmp_path: Path) -> None:
    other = load_splits(dataset, validation=0.2, split_seed=0, memory="mapped")
    assert other.mapped
    assert kept(tmp_path) == []
    assert same(other, loaded(dataset, "resident"))


def test_a_data_set_that_knows_no_storage_is_mapped_too(
    dataset: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Drawn, "load_into", Dataset.load_into)
    monkeypatch.setattr(
        Drawn,
        "load",
        lambda self: {
            name: Columns(np.full((count, 3, 5, 7), count, np.uint8), {"label": np.arange(count) % 2})
            for name, count in (("train", 90), ("test", 10))
        },
    )
    assert same(loaded(dataset, "mapped"), load_splits(dataset, validation=0.2, split_seed=0))


def test_data_are_mapped_where_they_would_take_too_much(
    dataset: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 150 * 3 * 5 * 7
    for free, mapped in ((2 * size, False), (2 * size - 2, True)):
        monkeypatch.setattr(picture_storage, "available_memory", lambda free=free: free)
        assert loaded(dataset, "auto").mapped is mapped
        assert load_splits(dataset, validation=0.2, split_seed=0).mapped is mapped


@pytest.mark.parametrize("memory", ["resident", "mapped"])
@pytest.mark.parametrize("place", [5, 64 * 105, 100 * 105, -1, -50, -400])
def test_a_flipped_byte_is_noticed_and_the_file_made_again(
    dataset: Drawn, tmp_path: Path, memory: picture_storage.Memory, place: int
) -> None:
    before = loaded(dataset, "resident")
    (path,) = kept(tmp_path)
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    assert same(loaded(dataset, memory), before)
    assert dataset.loads == 2


@pytest.mark.parametrize("length", [0, 10, 5000, -1])
def test_a_file_that_was_cut_is_made_again(dataset: Drawn, tmp_path: Path, length: int) -> None:
    before = loaded(dataset, "resident")
    (path,) = kept(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert same(loaded(dataset, "mapped"), before)


def test_a_file_cut_while_it_is_mapped_ends_in_words(dataset: Drawn, tmp_path: Path) -> None:
    train = loaded(dataset, "mapped").train
    (path,) = kept(tmp_path)
    os.truncate(path, 4096)
    with pytest.raises(UsageError, match="became shorter while it was in use"):
        train.batch(torch.arange(4))


class Mapped(Drawn):
    """The same pictures, and beside each a class and a depth for every pixel."""

    def spec(self) -> DatasetSpec:
        shown = (PixelClasses(("a", "b"), 5, 7), PixelValues(("m",), 5, 7))
        return DatasetSpec(SHAPE, {"label": Binary(), "kind": shown[0], "depth": shown[1]})

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        found = super().load_into(storage)

        def fill(start: int, out: Mapping[str, NDArray[np.generic]]) -> None:
            for row in range(len(out["kind"])):
                random = np.random.default_rng(start + row)
                out["kind"][row] = random.choice(np.array([0, 1, 255], np.uint8), (5, 7))
                out["depth"][row] = random.random((1, 5, 7), np.float32)

        maps = storage.columns(150, {"kind": ((5, 7), "uint8"), "depth": ((1, 5, 7), "float32")}, fill)
        return {name: replace(columns, maps=maps) for name, columns in found.items()}


def test_maps_lie_where_pictures_do_and_are_the_same(tmp_path: Path, dataset: Drawn) -> None:
    dataset = Mapped(dataset.source)
    plain = {name: columns.alone() for name, columns in dataset.load_into(InMemory()).items()}
    for memory in ("mapped", "mapped", "resident"):
        test = loaded(dataset, memory).test  # type: ignore[arg-type]
        assert list(test.maps) == ["kind", "depth"]
        assert (test.pages is None) == (memory == "resident")
        batch = test.batch(torch.arange(40))
        for name in ("label", "kind", "depth"):
            assert batch.labels[name].numpy().tobytes() == plain["test"].labels[name].tobytes()
    assert dataset.loads == 2  # plainly, and once for the file


def test_large_labels_of_a_data_set_that_knows_no_rooms_are_mapped(
    dataset: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = np.random.default_rng(0).random((90, 1, 16, 20), np.float32)
    form = DatasetSpec(SHAPE, {"depth": PixelValues(("m",), 16, 20)})
    monkeypatch.setattr(Drawn, "spec", lambda self: form)
    monkeypatch.setattr(Drawn, "load_into", Dataset.load_into)
    monkeypatch.setattr(
        Drawn,
        "load",
        lambda self: {
            name: Columns(np.zeros((90, 3, 5, 7), np.uint8), {"depth": depth}) for name in ("train", "test")
        },
    )
    for memory in ("mapped", "resident"):
        test = loaded(dataset, memory).test  # type: ignore[arg-type]
        assert torch.equal(test.batch(torch.arange(90)).labels["depth"], torch.from_numpy(depth))
        assert list(test.maps) == ["depth"]


def test_a_flipped_byte_of_a_map_is_noticed(dataset: Drawn, tmp_path: Path) -> None:
    dataset = Mapped(dataset.source)
    loaded(dataset, "resident")
    (path,) = kept(tmp_path)
    content = bytearray(path.read_bytes())
    content[2 << 14 | 7] ^= 4  # the maps begin a page after the pictures
    path.write_bytes(content)
    loaded(dataset, "mapped")
    assert dataset.loads == 2


def test_maps_of_another_length_than_the_pictures_are_refused(dataset: Drawn) -> None:
    class Short(Mapped):
        def load_into(self, storage: Storage) -> Mapping[str, Columns]:
            return {
                name: replace(columns, maps={key: value[:9] for key, value in columns.maps.items()})
                for name, columns in super().load_into(storage).items()
            }

    with pytest.raises(ComponentError, match=r"train: map 'kind' has 9 rows, and there are 150 images"):
        loaded(Short(dataset.source), "resident")


def test_pages_are_given_back_and_come_again(dataset: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    train = loaded(dataset, "mapped").train
    monkeypatch.setattr("mtl.core.data.pages._KEPT", 1000)
    first = train.pixels(torch.arange(50))
    assert all(torch.equal(train.pixels(torch.arange(50)), first) for _ in range(3))


def test_the_first_broken_picture_is_told_and_nothing_is_left(dataset: Drawn, tmp_path: Path) -> None:
    dataset.fails_at = 70
    for memory in ("mapped", "resident"):
        with pytest.raises(UsageError, match="picture 70 is broken"):
            loaded(dataset, memory)  # type: ignore[arg-type]
    assert kept(tmp_path) == []


def test_rows_that_are_not_there_are_refused(dataset: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([0, 150])
    monkeypatch.setattr(
        Drawn,
        "load_into",
        lambda self, storage: {
            name: Columns(np.zeros((150, 3, 5, 7), np.uint8), {"label": rows % 2}, rows)
            for name in ("train", "test")
        },
    )
    with pytest.raises(ComponentError, match=r"Drawn: train: rows must lie in 0\.\.149, got 0\.\.150"):
        loaded(dataset, "resident")


def test_a_full_disk_is_told_and_nothing_is_left(
    dataset: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: StoreWriter, content: bytes) -> None:
        with writing_to(self.path):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StoreWriter, "_write", full)
    with pytest.raises(MissingRequirementError, match="the disk is full: cannot write"):
        loaded(dataset, "mapped")
    assert kept(tmp_path) == []
    assert not loaded(dataset, "resident").mapped
    assert kept(tmp_path) == []


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_made(
    dataset: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((4096, 4096, 9, 9, 3, 9, 9, 9, 0, 255)))
    with pytest.raises(MissingRequirementError, match=r"0 MiB of data are to be in .* and 0 MiB are"):
        loaded(dataset, "mapped")
    assert kept(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not(dataset: Drawn, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / FOLDER
    program = f"""
        import os
        from pathlib import Path
        from mtl.core.data.store import StoreWriter
        writer = StoreWriter(Path({str(folder)!r}))
        writer._write(b"half")
        writer._stream.flush()
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    (left,) = kept(tmp_path)
    assert left.name.endswith(PARTIAL)
    assert left.read_bytes() == b"half"
    living = folder / f".other{PARTIAL}"
    with living.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        loaded(dataset, "mapped")
        assert {path.name for path in kept(tmp_path)} == {living.name, kept(tmp_path)[-1].name}
    assert len(kept(tmp_path)) == 2


def test_a_file_without_its_end_is_no_store(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path)
    writer.array(np.zeros((3, 1, 2, 2), np.uint8))
    writer.publish(tmp_path / "half.data")
    writer.close()
    assert read_store(tmp_path / "half.data", lambda size: True) is None
    assert read_store(tmp_path / "none.data", lambda size: True) is None
