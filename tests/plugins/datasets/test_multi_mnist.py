"""Two images in one: where they lie, which meet, and that everybody gets the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mtl.core.base.errors import UsageError
from mtl.core.contracts import Columns
from mtl.plugins.datasets.multi_mnist import MultiMnist, overlaid, partners
from mtl.plugins.forms import Categorical

PUBLISHED = {
    "train": (
        "41ae44a055113c318b0da561ee656e77671d4a265de2edead459701f2d479260",
        "e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
        "339e1e6f608c1ef46aee344ec716f2c1ca3e75cbce069a81870bd35e6d863db2",
    ),
    "test": (
        "e764d746c4e7cb8f723bdc926965948f88131f6897ddbaf600da7ad5ab1e8904",
        "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
        "7d78b532053680681f7f780aa0d1e1f8228bda5681228f9880f0496b3df4b58e",
    ),
}
"""SHA-256 of images and of both label columns, made of MNIST's files as published, with seed 0."""


def pixels(seed: int, *shape: int) -> NDArray[np.uint8]:
    raw = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return (raw >> np.uint64(56)).astype(np.uint8).reshape(shape)


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + values.tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number, folder in enumerate(("MNIST", "FashionMNIST")):
        for prefix, count in (("train", 12), ("t10k", 5)):
            raw = tmp_path / folder / "raw"
            write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels(number * 10 + count, count, 28, 28))
            write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    return tmp_path


def sums(columns: Columns) -> tuple[str, ...]:
    parts = (columns.image, columns.labels["left"], columns.labels["right"])
    return tuple(hashlib.sha256(part.tobytes()).hexdigest() for part in parts)


def test_every_pixel_is_where_the_construction_says() -> None:
    left, right = pixels(0, 28, 28), pixels(1, 28, 28)
    got = overlaid(left, right)
    for row in range(28):
        for column in range(28):
            y, x = int((row + 0.5) * 36 / 28), int((column + 0.5) * 36 / 28)
            of_left = int(left[y, x]) if y < 28 and x < 28 else 0
            inside = 6 <= y < 34 and 6 <= x < 34
            of_right = int(right[y - 6, x - 6]) if inside else 0
            assert got[row, column] == max(of_left, of_right)


def test_the_canvas_is_reduced_as_pillow_does_it() -> None:
    left, right = pixels(2, 28, 28), pixels(3, 28, 28)
    canvas = np.zeros((36, 36), np.uint8)
    canvas[:28, :28] = left
    canvas[6:34, 6:34] = np.maximum(canvas[6:34, 6:34], right)
    reduced = Image.fromarray(canvas).resize((28, 28), Image.Resampling.NEAREST)
    assert (np.asarray(reduced) == overlaid(left, right)).all()


def test_every_image_of_a_split_meets_one_of_the_same_split(data: Path) -> None:
    splits = MultiMnist(data_dir=data, download=False).load()
    for place, (split, count) in enumerate((("train", 12), ("test", 5))):
        columns = splits[split]
        chosen = partners(0, place, count, count)
        source = pixels(count, count, 28, 28)
        assert columns.image.shape == (count, 1, 28, 28)
        assert columns.labels["left"].tolist() == [index % 10 for index in range(count)]
        assert columns.labels["right"].tolist() == (chosen % 10).tolist()
        assert (columns.image[3, 0] == overlaid(source[3], source[chosen[3]])).all()


def test_partners_are_uniform_and_another_seed_has_others() -> None:
    counts = np.bincount(partners(7, 0, 100_000, 10), minlength=10)
    # Ten thousand each, with a deviation of 95: six deviations.
    assert abs(counts - 10_000).max() < 570
    assert (partners(0, 0, 50, 1000) != partners(1, 0, 50, 1000)).any()
    assert (partners(0, 0, 50, 1000) != partners(0, 1, 50, 1000)).any()


def test_garments_may_meet_digits(data: Path) -> None:
    mixed = MultiMnist(data_dir=data, download=False, right="fashion-mnist")
    left, right = mixed.spec().labels["left"], mixed.spec().labels["right"]
    assert isinstance(left, Categorical)
    assert isinstance(right, Categorical)
    assert (left.classes[9], right.classes[9]) == ("9", "Ankle boot")
    chosen = partners(0, 0, 12, 12)
    expected = overlaid(pixels(12, 12, 28, 28)[0], pixels(22, 12, 28, 28)[chosen[0]])
    assert (mixed.load()["train"].image[0, 0] == expected).all()
    assert len(mixed.sources() or ()) == 8


def test_files_of_one_folder_are_not_read_as_both(data: Path) -> None:
    flat = data / "flat"
    flat.mkdir()
    for path in (data / "MNIST" / "raw").iterdir():
        (flat / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UsageError, match="would be read as MNIST and as Fashion-MNIST") as caught:
        MultiMnist(data_dir=flat, download=False, right="fashion-mnist").load()
    assert caught.value.hint == "put the files of each into its folder: MNIST/raw and FashionMNIST/raw"


def test_its_tasks_go_without_saying() -> None:
    assert MultiMnist().tasks() == {
        "left": {"task": "classify", "label": "left"},
        "right": {"task": "classify", "label": "right"},
    }


def test_everybody_gets_the_same_bytes_of_the_same_files(data: Path) -> None:
    splits = MultiMnist(data_dir=data, download=False, seed=5).load()
    got = hashlib.sha256("".join(sums(splits["train"]) + sums(splits["test"])).encode()).hexdigest()
    assert got == "8315d5587496a84051b81e78855aa9e7b799f7685156e71051ac3b0d5b5f7d00"


@pytest.mark.skipif(
    "MTL_DATA_DIR" not in os.environ, reason="MTL_DATA_DIR names no folder with MNIST's files"
)
def test_everybody_gets_the_same_bytes_of_mnist() -> None:
    splits = MultiMnist(data_dir=Path(os.environ["MTL_DATA_DIR"]), download=False).load()
    assert {split: sums(columns) for split, columns in splits.items()} == PUBLISHED
