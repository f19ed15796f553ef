"""A plugin for the benchmarks: random images and labels in the forms of real data sets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from mtl import Component, hookimpl
from mtl.contracts import (
    Categorical,
    Columns,
    Dataset,
    DatasetSpec,
    Encoder,
    FeatureSpec,
    ImageSpec,
    InMemory,
    InputSpec,
    Regression,
    Storage,
)

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("dataset", "synthetic", "Random images and labels", f"{__name__}:Synthetic"),
        Component("dataset", "striped", "Coloured stripes, drawn part by part", f"{__name__}:Striped"),
        Component("encoder", "pooled", "Means of 8 x 8 pixels and one layer", f"{__name__}:Pooled"),
    ]


class Synthetic(Dataset):
    """Random bytes as images, a column of ten classes, and one of six counts of which two are not 0."""

    def __init__(
        self,
        *,
        channels: Annotated[int, Field(ge=1, description="Channels.")] = 1,
        side: Annotated[int, Field(ge=1, description="Height and width.")] = 28,
        train_size: Annotated[int, Field(ge=2, description="Training images.")] = 2000,
        test_size: Annotated[int, Field(ge=1, description="Test images.")] = 500,
    ) -> None:
        self.image = ImageSpec(channels, side, side)
        self.sizes = {"train": train_size, "test": test_size}

    def spec(self) -> DatasetSpec:
        names = tuple("abcdef")
        return DatasetSpec(
            self.image, {"digit": Categorical(tuple("0123456789")), "counts": Regression(names)}
        )

    def load(self) -> Mapping[str, Columns]:
        random = np.random.default_rng(0)
        return {name: self._draw(random, size) for name, size in self.sizes.items()}

    def _draw(self, random: np.random.Generator, size: int) -> Columns:
        image = random.integers(256, size=(size, *self.image.shape), dtype=np.uint8)
        counts = np.zeros((size, 6), dtype=np.float32)
        first = random.integers(6, size=size)
        second = (first + 1 + random.integers(5, size=size)) % 6
        number = random.integers(2, 9, size=size)
        counts[np.arange(size), first] = number
        counts[np.arange(size), second] = 10 - number
        return Columns(image, {"digit": random.integers(10, size=size), "counts": counts})


class Striped(Dataset):
    """Stripes in one of four directions, with colours and noise that depend on the seed and the index alone.

    Nobody holds them all: they are drawn into the storage that keeps them.
    """

    def __init__(
        self,
        *,
        side: Annotated[int, Field(ge=8, multiple_of=8, description="Height and width.")] = 224,
        count: Annotated[int, Field(ge=10, description="Images, a tenth of them for testing.")] = 2000,
    ) -> None:
        self.image = ImageSpec(3, side, side)
        self.count = count

    def spec(self) -> DatasetSpec:
        return DatasetSpec(self.image, {"direction": Categorical(("0", "45", "90", "135"))})

    def sources(self) -> Sequence[Path]:
        return []

    def load(self) -> Mapping[str, Columns]:
        return {split: columns.alone() for split, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        row, column = np.mgrid[: self.image.height, : self.image.width]
        angles = np.arange(4)[:, None, None] * np.pi / 4
        waves = np.sin((np.cos(angles) * row + np.sin(angles) * column) / 4)
        stripes = (40 * waves).astype(np.int16)

        def fill(start: int, out: NDArray[np.uint8]) -> None:
            for index, place in enumerate(out, start):
                random = np.random.default_rng([11, index])
                coarse = random.integers(-60, 60, (3, place.shape[1] // 8, place.shape[2] // 8), np.int16)
                colour = random.integers(256, size=(3, 1, 1)).astype(np.int16)
                noise = coarse.repeat(8, 1).repeat(8, 2)
                place[...] = (stripes[index % 4] + noise + colour).clip(0, 255)

        image = storage.pictures(self.count, self.image, fill)
        rows = np.arange(self.count)
        parts = {"train": rows[: self.count * 9 // 10], "test": rows[self.count * 9 // 10 :]}
        return {split: Columns(image, {"direction": chosen % 4}, chosen) for split, chosen in parts.items()}


class Pooled(Encoder):
    """Means of 8 x 8 pixels and one layer of 32: so cheap that an epoch is what its data cost."""

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        size = image.channels * (image.height // 8) * (image.width // 8)
        layers = (nn.AvgPool2d(8), nn.Flatten(), nn.Linear(size, 32), nn.ReLU())
        self.stages = nn.Sequential(OrderedDict(dense=nn.Sequential(*layers)))
        self.feature_specs = (FeatureSpec(32),)
