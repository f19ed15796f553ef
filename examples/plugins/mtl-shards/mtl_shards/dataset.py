"""Shards as a data set: pictures and one label column."""

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from mtl.contracts import (
    Categorical,
    Columns,
    Dataset,
    DatasetSpec,
    ImageSpec,
    MissingRequirementError,
    UsageError,
    reading,
)

from .shard import HINT, Sample, label_of, samples_in

Folder = Annotated[Path, Field(description="The folder with the shards.")]
Pattern = Annotated[str, Field(min_length=1, description="Which tar files of the folder; in order of name.")]
Label = Annotated[
    str,
    Field(min_length=1, description="The file of a sample that holds its label; json.KEY for a key of one."),
]
Classes = Annotated[
    tuple[str, ...], Field(description="Names of the classes; empty: as the labels are written.")
]
Size = Annotated[int, Field(ge=1, description="Height and width that pictures are brought to.")]
Channels = Annotated[Literal[1, 3], Field(description="1 for grey, 3 for colours.")]
PICTURES = ("png", "jpg", "jpeg", "webp")


class Shards(Dataset):
    """Tar files as WebDataset writes them: files of one name up to its first dot are one sample.

    The label column is `label`: a number of a class, or its name. Raises `MissingRequirementError` where
    there are no shards, `UsageError` for a damaged one and for a sample without a picture or a label.
    """

    def __init__(
        self,
        *,
        data_dir: Folder = Path("shards"),
        train: Pattern = "train*.tar",
        test: Pattern = "test*.tar",
        label: Label = "cls",
        classes: Classes = (),
        size: Size = 32,
        channels: Channels = 3,
    ) -> None:
        self.folder, self.patterns, self.label = data_dir, {"train": train, "test": test}, label
        self.named, self.image = classes, ImageSpec(channels, size, size)

    def spec(self) -> DatasetSpec:
        return DatasetSpec(self.image, {"label": Categorical(self.classes)})

    def sources(self) -> Sequence[Path]:
        return [path for split in self.patterns for path in self._shards(split)]

    def load(self) -> Mapping[str, Columns]:
        return {split: self._columns(split) for split in self.patterns}

    @cached_property
    def samples(self) -> Mapping[str, list[Sample]]:
        """The samples of each split, as their bytes."""
        return {
            split: [sample for path in self._shards(split) for sample in samples_in(path)]
            for split in self.patterns
        }

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes: as given, else numbers up to the highest, else the names that occur."""
        if self.named:
            return self.named
        found = {label_of(sample, self.label) for samples in self.samples.values() for sample in samples}
        if all(map(str.isdecimal, found)):
            return tuple(map(str, range(max(map(int, found)) + 1)))
        return tuple(sorted(found))

    def _shards(self, split: str) -> list[Path]:
        found = sorted(self.folder.glob(self.patterns[split]))
        if not found:
            raise MissingRequirementError(
                f"{self.folder} has no shards {self.patterns[split]}",
                hint="name their folder with --data-dir",
            )
        return found

    def _columns(self, split: str) -> Columns:
        samples = self.samples[split]
        image = np.stack([self._picture(sample) for sample in samples])
        return Columns(
            image, {"label": np.array([self._class(sample) for sample in samples], dtype=np.int64)}
        )

    def _picture(self, sample: Sample) -> np.ndarray:
        kind = next((kind for kind in PICTURES if kind in sample.files), None)
        if kind is None:
            raise UsageError(f"{sample.place} has no picture", hint=f"one of {', '.join(PICTURES)}")
        with (
            reading(sample.place, "a picture", hint=HINT),
            Image.open(io.BytesIO(sample.files[kind])) as picture,
        ):
            wanted = picture.convert("L" if self.image.channels == 1 else "RGB")
            pixels = np.asarray(wanted.resize((self.image.width, self.image.height)))
        return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)

    def _class(self, sample: Sample) -> int:
        label = label_of(sample, self.label)
        place = (
            int(label) if label.isdecimal() else self.classes.index(label) if label in self.classes else -1
        )
        if not 0 <= place < len(self.classes):
            raise UsageError(f"{sample.place} is of the class {label!r:.40}", hint=f"classes: {self.classes}")
        return place
