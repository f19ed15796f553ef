"""CIFAR-10: small colour photographs of ten kinds of thing."""

from __future__ import annotations

import warnings

import numpy as np

from ...core.contracts import Columns
from ...core.specs import Categorical, DatasetSpec, ImageSpec
from .torchvision_source import DownloadedDataset, damaged

COLUMN = "class"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10(DownloadedDataset):
    """60,000 colour photographs, 32 x 32, 50,000 of them for training; label `class`.

    Reads `DATA_DIR/cifar-10-batches-py/{data_batch_1..5,test_batch,batches.meta}`. These are pickles, which
    could run any code: only files with the published MD5 sums are opened.
    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    title = "CIFAR-10"
    folder = "cifar-10-batches-py"
    files = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")

    def spec(self) -> DatasetSpec:
        return DatasetSpec(ImageSpec(3, 32, 32), {COLUMN: Categorical(CLASSES)})

    def fetch(self) -> None:
        from torchvision.datasets import CIFAR10

        CIFAR10(self.data_dir, download=True)

    def read(self, split: str) -> Columns:
        from torchvision.datasets import CIFAR10

        with warnings.catch_warnings():
            # The pickles are older than today's NumPy, which warns about how they spell a data type.
            warnings.simplefilter("ignore")
            try:
                data = CIFAR10(self.data_dir, train=split == "train")
            except RuntimeError:
                self._blame_damaged_file()
                raise
        image = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        return Columns(image, {COLUMN: np.asarray(data.targets, dtype=np.int64)})

    def _blame_damaged_file(self) -> None:
        from torchvision.datasets import CIFAR10
        from torchvision.datasets.utils import check_integrity

        published = [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
        for name, md5 in published:
            if not check_integrity(self.path / name, md5):
                raise damaged(self.path / name, "not the published file (its MD5 sum differs)") from None
