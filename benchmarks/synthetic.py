"""A plugin for the benchmarks: random images and labels in the forms of real data sets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
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
    InputSpec,
    Regression,
)

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("dataset", "synthetic", "Random images and labels", f"{__name__}:Synthetic"),
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


class Pooled(Encoder):
    """Means of 8 x 8 pixels and one layer of 32: so cheap that an epoch is what its data cost."""

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        size = image.channels * (image.height // 8) * (image.width // 8)
        layers = (nn.AvgPool2d(8), nn.Flatten(), nn.Linear(size, 32), nn.ReLU())
        self.stages = nn.Sequential(OrderedDict(dense=nn.Sequential(*layers)))
        self.feature_specs = (FeatureSpec(32),)
