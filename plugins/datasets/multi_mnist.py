"""MultiMNIST: two digits in one picture, drawn reproducibly from MNIST's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import UsageError
from ...core.contracts import Columns, Dataset
from ...core.contracts.specs import DatasetSpec, ImageSpec
from .fashion_mnist import FashionMnist
from .folders import DATA_DIR
from .idx_images import SIDE, IdxDataset
from .mnist import Mnist

CANVAS = 36
OFFSET = 6
"""Of the right image on the canvas, down and to the right; as Sener and Koltun have it."""
_SOURCES: Mapping[str, type[IdxDataset]] = {"mnist": Mnist, "fashion-mnist": FashionMnist}
_SPLITS = ("train", "test")
_SOURCE = Literal["mnist", "fashion-mnist"]


class MultiMnist(Dataset):
    """For every image of a data set one of another over it, 28 x 28 grey; labels `left` and `right`.

    Image `i` of `left` lies at rows and columns 0..27 of a canvas of 36 x 36, an image of `right`, drawn from
    the same split, at 6..33; where they meet, the lighter pixel stands. The canvas is made 28 x 28 by the
    nearest pixel: place `i` shows place `floor((i + 1/2) 36/28)`. The draw is a function of `seed` and the
    split alone, on every machine: the same bytes for everyone. As published, 60,000 for training and 10,000
    for testing.
    Raises `UsageError` when the files of `left` and `right` are the same although they should not be.
    Source: after Sabour, Frosst, Hinton, "Dynamic routing between capsules", 2017, and Sener, Koltun,
    "Multi-task learning as multi-objective optimization", 2018, who drew without a seed.
    """

    def __init__(
        self,
        *,
        left: Annotated[_SOURCE, Field(description="Whose images lie at the upper left.")] = "mnist",
        right: Annotated[_SOURCE, Field(description="Whose images lie at the lower right.")] = "mnist",
        seed: Annotated[int, Field(ge=0, lt=1 << 63, description="Which images meet.")] = 0,
        data_dir: Annotated[
            Path, Field(description="Folder that holds the data sets' own folders, in torchvision's layout.")
        ] = DATA_DIR,
        download: Annotated[bool, Field(description="Download the files when they are missing.")] = True,
    ) -> None:
        self.left = _SOURCES[left](data_dir=data_dir, download=download)
        self.right = self.left if right == left else _SOURCES[right](data_dir=data_dir, download=download)
        self.seed = seed

    def spec(self) -> DatasetSpec:
        (left,), (right,) = self.left.spec().labels.values(), self.right.spec().labels.values()
        return DatasetSpec(ImageSpec(1, SIDE, SIDE), {"left": left, "right": right})

    def load(self) -> Mapping[str, Columns]:
        left = self.left.load()
        right = left if self.right is self.left else self.right.load()
        shared = set(self.left.sources() or ()) & set(self.right.sources() or ())
        if self.right is not self.left and shared:
            raise UsageError(
                f"{min(shared)} would be read as {self.left.title} and as {self.right.title}",
                hint=f"put the files of each into its folder: {self.left.folder} and {self.right.folder}",
            )
        return {split: self._meet(left[split], right[split], split) for split in _SPLITS}

    def _meet(self, left: Columns, right: Columns, split: str) -> Columns:
        chosen = partners(self.seed, _SPLITS.index(split), len(left), len(right))
        (label,), (other,) = left.labels.values(), right.labels.values()
        image = np.stack(
            [overlaid(a, b) for a, b in zip(left.image[:, 0], right.image[chosen, 0], strict=True)]
        )
        return Columns(image[:, None], {"left": label, "right": other[chosen]})

    def sources(self) -> Sequence[Path] | None:
        found = [*(self.left.sources() or ()), *(self.right.sources() or ())]
        return list(dict.fromkeys(found))

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return {name: {"task": "classify", "label": name} for name in ("left", "right")}

    def published_sizes(self) -> Mapping[str, int]:
        return self.left.published_sizes()


def overlaid(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return two images `[28, 28]` as one: shifted apart by six pixels, the lighter pixel, 28 x 28 again.

    >>> overlaid(np.full((28, 28), 9, np.uint8), np.zeros((28, 28), np.uint8))[[0, 21, 22], 0].tolist()
    [9, 9, 0]
    """
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    canvas[:SIDE, :SIDE] = left
    lower = slice(OFFSET, OFFSET + SIDE)
    canvas[lower, lower] = np.maximum(canvas[lower, lower], right)
    places = ((2 * np.arange(SIDE) + 1) * CANVAS) // (2 * SIDE)
    return canvas[np.ix_(places, places)]


def partners(seed: int, split: int, count: int, among: int) -> NDArray[np.int64]:
    """Return which of `among` images meets each of `count`: int64 `[count]`, uniform, the same everywhere.

    The upper 32 bits `u` of PCG64's raw output, whose stream NumPy promises to keep, give `u among / 2^32`.

    >>> partners(0, 0, 3, 10).tolist() == partners(0, 0, 5, 10)[:3].tolist()
    True
    """
    raw = np.random.PCG64(np.random.SeedSequence([seed, split])).random_raw(count)
    return ((raw >> np.uint64(32)) * np.uint64(among) >> np.uint64(32)).astype(np.int64)
