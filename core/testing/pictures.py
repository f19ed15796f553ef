"""A tiny data set of the kit's own: distinct pictures with a label column of every form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..contracts import Columns, Dataset
from ..specs import Binary, Categorical, DatasetSpec, ImageSpec, Regression, Symmetry, TargetSpec

CLASSES = ("0", "1", "2", "3")
CLASS, ANSWER, VALUES, SIDES = "class", "yes", "values", "sides"
_BLOCKS = 4
_SIDES = Regression(("top", "right", "bottom", "left"))


class Pictures(Dataset):
    """Pictures of random blocks with some noise; labels `class`, `yes`, `values` and `sides`.

    `sides` names the four sides of the picture, so it turns and mirrors with it. Labels have nothing to do
    with the pixels: a model can only learn them by heart.
    """

    def __init__(
        self,
        *,
        channels: Annotated[int, Field(ge=1, description="Channels.")] = 1,
        height: Annotated[int, Field(ge=1, description="Height in pixels.")] = 16,
        width: Annotated[int, Field(ge=1, description="Width in pixels.")] = 16,
    ) -> None:
        self.image = ImageSpec(channels, height, width)

    def spec(self) -> DatasetSpec:
        labels: dict[str, TargetSpec] = {
            CLASS: Categorical(CLASSES),
            ANSWER: Binary(),
            VALUES: Regression(("first", "second")),
            SIDES: _SIDES,
        }
        return DatasetSpec(self.image, labels, {SIDES: Symmetry((1, 2, 3, 0), (0, 3, 2, 1))})

    def load(self) -> Mapping[str, Columns]:
        return {"train": self._draw(24, 0), "test": self._draw(8, 1)}

    def _draw(self, count: int, seed: int) -> Columns:
        random = np.random.default_rng(seed)
        channels, height, width = self.image.shape
        blocks = random.integers(30, 226, size=(count, channels, _BLOCKS, _BLOCKS))
        rows = np.arange(height) * _BLOCKS // height
        columns = np.arange(width) * _BLOCKS // width
        image = blocks[:, :, rows][..., columns] + random.integers(-30, 30, (count, channels, height, width))
        labels: dict[str, NDArray[Any]] = {
            CLASS: np.arange(count, dtype=np.int64) % len(CLASSES),
            ANSWER: np.arange(count, dtype=np.int64) // 2 % 2,
            VALUES: random.random((count, 2), dtype=np.float32),
            SIDES: random.random((count, 4), dtype=np.float32),
        }
        return Columns(image.astype(np.uint8), labels)
