"""A data set whose labels are angles, and the task that answers them."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor

from mtl.contracts import Batch, Columns, Dataset, DatasetSpec, ImageSpec, Incompatible, Task

from .form import Angle

SIDE = 16


class Needles(Dataset):
    """Noisy 16 x 16 images of a bright needle that begins in the middle; `direction` is where it points."""

    def __init__(
        self,
        *,
        train_size: Annotated[int, Field(ge=1, description="Training samples.")] = 800,
        seed: Annotated[int, Field(ge=0, description="Seed of the drawings.")] = 0,
    ) -> None:
        self.train_size, self.seed = train_size, seed

    def spec(self) -> DatasetSpec:
        return DatasetSpec(ImageSpec(1, SIDE, SIDE), {"direction": Angle()})

    def load(self) -> Mapping[str, Columns]:
        return {"train": draw(self.train_size, 2 * self.seed), "test": draw(200, 2 * self.seed + 1)}


def draw(count: int, seed: int) -> Columns:
    """Return `count` images of needles with their directions; the same seed draws the same."""
    random = np.random.default_rng(seed)
    angle = random.uniform(-np.pi, np.pi, size=count)
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    down, right = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    ahead, aside = right * cosine - down * sine, right * sine + down * cosine
    needle = np.exp(-(aside**2)) * ((ahead > 0) & (ahead < SIDE / 2))
    image = random.integers(40, size=needle.shape) + 200 * needle
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    return Columns(image.astype(np.uint8)[:, None], {"direction": direction})


class Direction(Task):
    """Predicts where the needle points, from the label column `direction`."""

    needs = ("direction",)

    def __init__(self, dataset: DatasetSpec) -> None:
        super().__init__(dataset)
        if not isinstance(form := dataset.labels.get("direction"), Angle):
            raise Incompatible("needs a label column `direction` that is an angle")
        self.target_spec = form

    def target(self, batch: Batch) -> Tensor:
        return batch.labels["direction"]
