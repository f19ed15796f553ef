"""The contract of a data set: columns of images, vectors and labels. NumPy only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .preparation import Preparation
from .specs import DatasetSpec
from .storage import Storage


@dataclass(frozen=True)
class Columns:
    """The samples of one split, column by column.

    `image` is uint8 `[N, C, H, W]`; `[N, 0, 0, 0]` where there is none (`no_images`). A label column is what
    its form says: int64 `[N]` (class index, or 0/1; -1 for absent), int8 `[N, K]` (attributes; -1 for not
    known) or float32 `[N, n]` (NaN for absent). Beside them, under the names that the spec's `inputs` have,
    stand the vectors, raw: float32 `[N, width]` in the order that a `VectorSpec` states, NaN for a hole.
    With `rows`, int64 `[N]`, the split's pictures are these of `image`, which may hold others: splits can
    share one array, and none is copied. `maps` are label columns too, those with numbers for each pixel: as
    many rows as `image`, of which `rows` are the split's. `shards`, int64 `[N]`, says of each sample which
    part of the data's files it is from, where those of one part lie together: a training whose pictures do
    not fit into memory goes part by part. A data set that gives them says so (`Dataset.in_shards`).
    """

    image: NDArray[np.uint8]
    labels: Mapping[str, NDArray[Any]]
    rows: NDArray[np.int64] | None = None
    maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    shards: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.image if self.rows is None else self.rows)

    def alone(self) -> Columns:
        """Return the split with pictures and maps of its own: a copy where it names rows."""
        if self.rows is None:
            return Columns(self.image, {**self.labels, **self.maps}, shards=self.shards)
        maps = {name: column[self.rows] for name, column in self.maps.items()}
        return Columns(self.image[self.rows], {**self.labels, **maps}, shards=self.shards)


def no_images(count: int) -> NDArray[np.uint8]:
    """Return the images of so many samples that have none.

    >>> len(Columns(no_images(3), {}))
    3
    """
    return np.zeros((count, 0, 0, 0), np.uint8)


class Dataset(ABC):
    """A data set; its constructor takes options only and reads nothing large.

    `holds` names the option, if there is one, that holds other data sets: a mapping from names to what a
    recipe writes for a data set. The constructor gets them built. `unsifted` says that nobody may have looked
    for pictures that are nearly the same in two splits: it is done before training, and told.

    One that reads picture files has the options `size`, `channels` and `preparation` (a mapping), None or
    empty where a recipe leaves them open: what the weights of an encoder were trained on is then put there.
    """

    holds: str = ""
    unsifted: bool = False

    @abstractmethod
    def spec(self) -> DatasetSpec:
        """Return what the data set offers, without reading the images; best without reading anything.

        A data set whose classes are its folders looks at those, and raises as `load` does.
        """

    @abstractmethod
    def load(self) -> Mapping[str, Columns]:
        """Return the splits `"train"` and `"test"`; the engine carves validation from train.

        A data set that knows better returns `"validation"` too, and nothing is carved.
        Raises `MissingRequirementError` when files are not there, `UsageError` when they are damaged.
        """

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        """Return what `load` does, with the pictures and maps put into `storage` part by part.

        For data that may be larger than memory; `load` is then `self.load_into(InMemory())`, with each
        split `alone`.
        """
        return self.load()

    def sources(self) -> Sequence[Path] | None:
        """Return the files that `load` reads, so that what it gave may be kept until one of them changes.

        None: not known, so it is loaded anew every time; empty: it depends on its options alone.
        """
        return None

    def preparation(self) -> Preparation | None:
        """Return how its picture files become images; None: its pictures come from no files.

        An exported file says it, and whoever answers for a picture file does the same.
        """
        return None

    def prepared_as(self, preparation: Preparation) -> Dataset:
        """Return the same data set with its picture files brought to another form, in another way.

        What holds several data sets brings all to one form; where this returns the data set as it is,
        pictures are brought to it once they are made.
        """
        return self

    def picture_sizes(self) -> Sequence[tuple[int, int]]:
        """Return `(height, width)` of some of its picture files, upright; empty where it reads none."""
        return ()

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the tasks that its own labels call for, by name, each as a recipe writes it.

        They are taken when a recipe names no tasks, and are known by these names when it does. Empty: none
        goes without saying.
        """
        return {}

    def aimed(self, tasks: Sequence[str]) -> Mapping[str, Any]:
        """Return options, beside those it has, with which its labels are what these tasks ask for.

        For a data set whose columns are labels or inputs as one likes. `tasks` are the names that a recipe
        has, and the labels that it names.
        """
        return {}

    def succeed(self, other: Self) -> Self:
        """Return this data set with what another one has read; they differ in options of `aimed` alone."""
        return self

    def encoder(self) -> str | None:
        """Return the encoder that its inputs call for, by name; None: the usual one, which reads images.

        It is taken when a recipe names none.
        """
        return None

    def balancer(self, tasks: Sequence[str]) -> Mapping[str, Any]:
        """Return the balancer that its labels call for where these are the tasks, as a recipe writes it.

        It is taken when a recipe names none. Empty: the usual one.
        """
        return {}

    def understood(self) -> Sequence[str]:
        """Return what the data set made of its files, line by line, to be shown before training."""
        return ()

    def glance(self) -> Sequence[str]:
        """Look at some of its files for about half a second, and return what was looked at, line by line.

        A dry run does so, and says it. Raises what `load` would for what is found wrong.
        """
        return ()

    def in_shards(self) -> bool:
        """Return whether `load` says of each sample which part of the files it is from (`Columns.shards`)."""
        return False

    def remarks(self) -> Sequence[str]:
        """Return what the last `load` left out or changed, line by line; each is told as a warning."""
        return ()

    def published_sizes(self) -> Mapping[str, int]:
        """Return how many samples each split has as it was published; empty where there is no such number.

        Files that hold others are read all the same, and it is told.
        """
        return {}
