"""CIFAR-10: small colour photographs of ten kinds of thing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.contracts import Columns
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Categorical
from .image_folder import ImageFolder
from .torchvision_source import AGAIN, DownloadedDataset, damaged

COLUMN = "class"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDERS = ("cifar10", "")
"""Where, below `data_dir`, image files may lie: a folder of that name comes before any others."""


class Cifar10(DownloadedDataset):
    """60,000 colour photographs, 32 x 32, 50,000 of them for training; label `class`.

    Reads `DATA_DIR/cifar-10-batches-py/{data_batch_1..5,test_batch,batches.meta}`. These are pickles, which
    could run any code: only files with the published MD5 sums are opened. Without that folder it reads image
    files in `DATA_DIR/cifar10/{train,test}/CLASS/`, or the same in `DATA_DIR`, if they are there.
    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    title = "CIFAR-10"
    folder = "cifar-10-batches-py"
    sizes: ClassVar[Mapping[str, int]] = {"train": 50_000, "test": 10_000}
    elsewhere = "; no train/ and test/ with a folder per class in it or in its cifar10/"
    files = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

    def spec(self) -> DatasetSpec:
        return DatasetSpec(ImageSpec(3, 32, 32), {COLUMN: Categorical(CLASSES)})

    def load(self) -> Mapping[str, Columns]:
        images = self._image_folder()
        return super().load() if images is None else self._load_images(images)

    def sources(self) -> Sequence[Path] | None:
        images = self._image_folder()
        return super().sources() if images is None else _as_images(images).sources()

    def fetch(self) -> None:
        from torchvision.datasets import CIFAR10

        CIFAR10(self.data_dir, download=True)

    def archives(self) -> Mapping[Path, str]:
        from torchvision.datasets import CIFAR10

        return {self.data_dir / CIFAR10.filename: CIFAR10.tgz_md5}

    def read(self, split: str) -> Columns:
        from torchvision.datasets import CIFAR10

        with warnings.catch_warnings():
            # The pickles are older than today's NumPy, which warns about how they spell a data type.
            warnings.simplefilter("ignore")
            with reading(self.path, "the files of CIFAR-10", hint=AGAIN):
                try:
                    data = CIFAR10(self.data_dir, train=split == "train")
                except Exception:
                    self._blame_damaged_file()
                    raise
        image = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        return Columns(image, {COLUMN: np.asarray(data.targets, dtype=np.int64)})

    def _image_folder(self) -> Path | None:
        """Return where images lie as files, unless the published files are there."""
        if not self._missing():
            return None
        places = (self.data_dir / name for name in _FOLDERS)
        return next((place for place in places if (place / "train").is_dir()), None)

    def _load_images(self, folder: Path) -> Mapping[str, Columns]:
        images = _as_images(folder)
        spec = images.spec()
        column = spec.labels[COLUMN]
        found = column.classes if isinstance(column, Categorical) else ()
        if found != CLASSES:
            wrong = ", ".join(sorted(set(found) ^ set(CLASSES)))
            raise UsageError(
                f"{folder}: not the ten classes of CIFAR-10: {wrong}",
                hint="other classes are read with --dataset image-folder",
            )
        if spec.image != self.spec().image:
            size = f"{spec.image.height} x {spec.image.width}"
            raise UsageError(
                f"{folder}: images are {size} pixels, those of CIFAR-10 are 32 x 32",
                hint="other images are read with --dataset image-folder",
            )
        return images.load()

    def _blame_damaged_file(self) -> None:
        from torchvision.datasets import CIFAR10
        from torchvision.datasets.utils import check_integrity

        published = [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
        for name, md5 in published:
            if not check_integrity(self.path / name, md5):
                raise damaged(self.path / name, "not the published file (its MD5 sum differs)")


def _as_images(folder: Path) -> ImageFolder:
    return ImageFolder(data_dir=folder, size=None, channels=3)
