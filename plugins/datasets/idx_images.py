"""Reads the IDX files of MNIST and of the data sets made in its image."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Columns
from ...core.errors import UsageError
from ...core.specs import Categorical, DatasetSpec, ImageSpec
from .torchvision_source import DownloadedDataset, damaged

SIDE = 28
_UINT8 = 8
_PREFIXES = {"train": "train", "test": "t10k"}


class IdxDataset(DownloadedDataset):
    """Grey 28 x 28 images in four IDX files, ten classes in one label column, int64 `[N]`.

    A subclass sets `column`, `classes` and the class of torchvision that downloads the files.
    """

    files = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    column: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]
    sizes: ClassVar[Mapping[str, int]] = {"train": 60_000, "test": 10_000}
    torchvision_name: ClassVar[str]

    def spec(self) -> DatasetSpec:
        return DatasetSpec(ImageSpec(1, SIDE, SIDE), {self.column: Categorical(self.classes)})

    def fetch(self) -> None:
        import torchvision

        getattr(torchvision.datasets, self.torchvision_name)(self.data_dir, download=True)

    def archives(self) -> Mapping[Path, str]:
        import torchvision

        published = getattr(torchvision.datasets, self.torchvision_name).resources
        return {self.path / name: md5 for name, md5 in published}

    def read(self, split: str) -> Columns:
        image_path = self.path / f"{_PREFIXES[split]}-images-idx3-ubyte"
        label_path = self.path / f"{_PREFIXES[split]}-labels-idx1-ubyte"
        image, label = read_idx(image_path, 3), read_idx(label_path, 1)
        if image.shape[1:] != (SIDE, SIDE):
            raise damaged(image_path, f"images are {image.shape[1]} x {image.shape[2]}, expected 28 x 28")
        if not len(image):
            raise damaged(image_path, "holds no images")
        if len(image) != len(label):
            raise damaged(label_path, f"{len(label)} labels for {len(image)} images")
        if label.max() >= len(self.classes):
            raise damaged(label_path, f"label {label.max()}, expected 0..{len(self.classes) - 1}")
        return Columns(image[:, None], {self.column: label.astype(np.int64)})


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file in its own shape.

    Raises `UsageError` when the header is not that of unsigned bytes with this many dimensions, or the
    file's length is not what the header says. Format: http://yann.lecun.com/exdb/mnist (2 zero bytes, the
    type, the number of dimensions, each size as a big-endian 32-bit number, the values).
    """
    try:
        content = bytearray(path.read_bytes())  # an array over plain bytes could not be written to
    except OSError as problem:
        raise UsageError(f"{path}: cannot be read: {problem.strerror}") from problem
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes((0, 0, _UINT8, dimensions)):
        raise damaged(path, f"not an IDX file of bytes in {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = start + int(np.prod(shape, dtype=np.uint64))
    if len(content) != expected:
        raise damaged(path, f"{len(content)} bytes, its header says {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
