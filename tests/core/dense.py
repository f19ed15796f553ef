"""A tiny data set with a class and a depth for every pixel: bright blocks on a dark, tilted ground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from mtl.contracts import (
    Columns,
    Component,
    Dataset,
    DatasetSpec,
    ImageSpec,
    PixelClasses,
    PixelValues,
    hookimpl,
)

SIDE = 12


class Blocks(Dataset):
    def __init__(
        self,
        *,
        train_size: Annotated[int, Field(ge=1)] = 40,
        scale: Annotated[float, Field(gt=0)] = 1.0,
        holes: Annotated[float, Field(ge=0, le=1)] = 0.1,
    ) -> None:
        self.train_size = train_size
        self.scale = scale
        self.holes = holes

    def spec(self) -> DatasetSpec:
        labels = {
            "mask": PixelClasses(("ground", "low", "high"), SIDE, SIDE),
            "depth": PixelValues(("depth",), SIDE, SIDE, "m", positive=True),
            "normal": PixelValues(("x", "y"), SIDE, SIDE, directed=True),
        }
        return DatasetSpec(ImageSpec(1, SIDE, SIDE), labels)

    def load(self) -> Mapping[str, Columns]:
        return {"train": self._draw(self.train_size, 0), "test": self._draw(20, 1)}

    def _draw(self, count: int, seed: int) -> Columns:
        random = np.random.default_rng(seed)
        mask = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
        for number in range(count):
            for _ in range(2):
                top, left = random.integers(0, SIDE - 4, 2)
                mask[number, top : top + 4, left : left + 4] = random.integers(1, 3)
        depth = self.scale * (4.0 + np.arange(SIDE)[:, None] / SIDE - mask).astype(np.float32)[:, None]
        normal = np.stack([mask, mask * 0.5], axis=1).astype(np.float32)
        image = (mask * 100 + random.integers(0, 20, mask.shape)).astype(np.uint8)[:, None]
        holes = random.random(mask.shape) < self.holes
        mask[holes] = 255
        depth[holes[:, None]] = np.nan
        normal[np.broadcast_to(holes[:, None], normal.shape)] = np.nan
        return Columns(image, {"mask": mask, "depth": depth, "normal": normal})


@hookimpl
def mtl_components():
    yield Component("dataset", "blocks", "Blocks on a ground", f"{__name__}:Blocks")
