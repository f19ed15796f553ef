"""The data sets of the experiments, a few samples each, in the formats they are published in."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.request import Request
from mtl.plugins.datasets.celeba import ATTRIBUTES
from mtl.plugins.datasets.cifar10 import CLASSES
from mtl.plugins.datasets.shapes_synthetic import SyntheticShapes


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that serves every recipe as `--data-dir`."""
    folder = tmp_path_factory.mktemp("data")
    _write_mnist(folder / "MNIST" / "raw")
    _write_cifar10(folder / "cifar10")
    _write_shapes(folder / "gsn" / "data")
    _write_arrays(folder / "nyuv2", (288, 384), label=0, depth=1, normal=3)
    _write_arrays(folder / "cityscapes", (128, 256), label_7=0, depth=1)
    _write_celeba(folder / "celeba")
    return folder


@pytest.fixture
def composed(registry: Registry, data: Path) -> Callable[..., Composition]:
    """Compose a shipped recipe, restricted to some of its tasks when they are named."""

    def make(name: str, *tasks: str) -> Composition:
        source = Request(name, tasks or None, {"data_dir": str(data)}).source(registry)
        return compose(read(source, registry), registry, source)

    return make


def _write_mnist(folder: Path) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", 40), ("t10k", 20)):
        label = np.arange(count, dtype=np.uint8) % 10
        image = random.integers(256, size=(count, 28, 28), dtype=np.uint8)
        _write_idx(folder / f"{prefix}-images-idx3-ubyte", image)
        _write_idx(folder / f"{prefix}-labels-idx1-ubyte", label)


def _write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.tobytes())


def _write_cifar10(folder: Path) -> None:
    random = np.random.default_rng(1)
    for split in ("train", "test"):
        for name in CLASSES:
            place = folder / split / name
            place.mkdir(parents=True)
            for index in range(2):
                pixels = random.integers(256, size=(32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index:04d}.jpg")


def _write_shapes(folder: Path) -> None:
    folder.mkdir(parents=True)
    drawn = SyntheticShapes(train_size=40, test_size=1).load()["train"]
    lines = ["name,squares,circles,up,right,down,left"]
    for index, (image, counts) in enumerate(zip(drawn.image, drawn.labels["counts"], strict=True)):
        Image.fromarray(image[0]).save(folder / f"img_{index:05d}.png")
        lines.append(",".join([f"img_{index:05d}.png", *(f"{count:.0f}" for count in counts)]))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def _write_arrays(folder: Path, size: tuple[int, int], **channels: int) -> None:
    random = np.random.default_rng(2)
    for part, count in (("train", 10), ("val", 1)):
        for kind, width in (("image", 3), *channels.items()):
            (folder / part / kind).mkdir(parents=True)
            # One picture again and again: they are large.
            values = random.random((*size, width)) if width else random.integers(-1, 7, size)
            for index in range(count):
                np.save(folder / part / kind / f"{index}.npy", values.astype(np.float32))


def _write_celeba(folder: Path) -> None:
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{index:06d}.jpg" for index in range(1, 7)]
    for index, name in enumerate(names):
        Image.new("RGB", (178, 218), (40 * index, 90, 30)).save(folder / "img_align_celeba" / name)
    rows = [f"{name} {' '.join(['1 -1'] * 20)}" for name in names]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(len(names)), " ".join(ATTRIBUTES), *rows]))
    parts = [f"{name} {index // 2}" for index, name in enumerate(names)]
    (folder / "list_eval_partition.txt").write_text("\n".join(parts))
