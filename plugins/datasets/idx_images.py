"""Reads the IDX files of MNIST and of the data sets made in its image."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.base.files import open_regular, read_at_most
from ...core.contracts import Columns
from ...core.contracts.specs import DatasetSpec, ImageSpec
from ..forms import Categorical
from .torchvision_source import AGAIN, DownloadedDataset, damaged

SIDE = 28
_UINT8 = 8
_PREFIXES = {"train": "train", "test": "t10k"}
_LARGEST = 1 << 30
"""Bytes of the largest IDX file that is read, as its header has them; MNIST's has 47 million."""


class IdxDataset(DownloadedDataset):
    """Grey 28 x 28 images in four IDX files, ten classes in one label column, int64 `[N]`.

    Mirrors offer the files packed (`.gz`), or spelled with a dot (`train-images.idx3-ubyte`): both are read,
    and so are files that lie in `data_dir` itself.
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

    def find(self, name: str) -> Path | None:
        spellings = (name, name.replace("-idx", ".idx"))
        places = [folder / spelled for folder in (self.path, self.data_dir) for spelled in spellings]
        packed = (place.with_name(f"{place.name}.gz") for place in places)
        plain = iter(places)
        found = next((path for path in plain if path.is_file()), None)
        return found or next((path for path in packed if path.is_file() and self.is_whole(path)), None)

    def is_whole(self, archive: Path) -> bool:
        """Return whether a packed file can be unpacked to its end, whoever packed it."""
        try:
            with _opened(archive) as file:
                while file.read(1 << 20):
                    pass
        except UsageError:
            return False
        return True

    def read(self, split: str) -> Columns:
        image_path = self.path_of(f"{_PREFIXES[split]}-images-idx3-ubyte")
        label_path = self.path_of(f"{_PREFIXES[split]}-labels-idx1-ubyte")
        image, label = read_idx(image_path, (SIDE, SIDE)), read_idx(label_path, ())
        if not len(image):
            raise damaged(image_path, "holds no images")
        if len(image) != len(label):
            raise damaged(label_path, f"{len(label)} labels for {len(image)} images")
        if label.max() >= len(self.classes):
            raise damaged(label_path, f"label {label.max()}, expected 0..{len(self.classes) - 1}")
        return Columns(image[:, None], {self.column: label.astype(np.int64)})


def read_idx(path: Path, form: Sequence[int]) -> NDArray[np.uint8]:
    """Return the bytes of an IDX file, `[N, *form]`; a name in `.gz` is unpacked.

    Raises `UsageError` when the header is not that of unsigned bytes of this form, or the file's length is
    not what the header says; no more than that is read. Packed bytes are checked by the sum that gzip keeps
    of them, so that it does not matter who packed them. Format: http://yann.lecun.com/exdb/mnist (2 zero
    bytes, the type, the number of dimensions, each size as a big-endian 32-bit number, the values).
    """
    dimensions = 1 + len(form)
    with _opened(path) as file:
        header = file.read(4 + 4 * dimensions)
        if len(header) < 4 + 4 * dimensions or header[:4] != bytes((0, 0, _UINT8, dimensions)):
            raise damaged(path, f"not an IDX file of bytes in {dimensions} dimensions")
        shape = struct.unpack(f">{dimensions}I", header[4:])
        if shape[1:] != tuple(form):
            raise damaged(path, f"images are {shape[1]} x {shape[2]}, expected {form[0]} x {form[1]}")
        expected = math.prod(shape)
        if expected > _LARGEST:
            raise damaged(path, f"its header says {expected:,} bytes, at most {_LARGEST:,} are read")
        content = read_at_most(file, expected)
        if len(content) < expected or file.read(1):
            found = f"only {len(content)}" if len(content) < expected else "more"
            raise damaged(path, f"{found} bytes after its header, which says {expected}")
    return np.frombuffer(content, np.uint8).reshape(shape)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with open_regular(path, "an IDX file", hint=AGAIN) as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.open(file) as unpacked:
            yield cast(IO[bytes], unpacked)
