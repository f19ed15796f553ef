"""Whatever stands in the files of a data set, it is read or refused."""

from __future__ import annotations

import gzip
import struct
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mtl.core.base.errors import MtlError
from mtl.plugins.datasets.idx_images import read_idx
from mtl.plugins.datasets.shape_labels import KINDS
from mtl.plugins.datasets.shapes import Shapes

from ...hostile import TIMES, attack, mutated

IDX = bytes((0, 0, 8, 3)) + struct.pack(">3I", 2, 3, 4) + bytes(24)
TABLE = "\n".join([",".join(("name", *KINDS)), *(f"{number}.png,5,5,0,0,0,0" for number in range(3))])


def picture() -> bytes:
    stream = BytesIO()
    Image.new("L", (28, 28)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a-idx3-ubyte.gz"])
def test_a_mutated_idx_file_is_read_or_refused(tmp_path: Path, name: str, times: int) -> None:
    path = tmp_path / name

    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(MtlError):
            values = read_idx(path, (3, 4))
            assert values.shape[1:] == (3, 4)

    attack(times, mutated([gzip.compress(IDX) if name.endswith(".gz") else IDX]), check)


@pytest.mark.parametrize("times", TIMES)
def test_a_mutated_zip_file_is_read_or_refused(tmp_path: Path, times: int) -> None:
    path = tmp_path / "shapes.zip"
    archives = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("labels.csv", TABLE)
            for number in range(3):
                archive.writestr(f"{number}.png", picture())
        archives.append(stream.getvalue())

    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(MtlError):
            splits = Shapes(data_dir=path, test_size=1).load()
            assert splits["train"].image.shape[1:] == (1, 28, 28)

    attack(times, mutated(archives), check)


@pytest.mark.parametrize("times", TIMES)
def test_a_mutated_table_is_read_or_refused(tmp_path: Path, times: int) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(picture())

    def check(content: bytes) -> None:
        (tmp_path / "labels.csv").write_bytes(content)
        with suppress(MtlError):
            counts = Shapes(data_dir=tmp_path, test_size=1).load()["train"].labels["counts"]
            assert (counts.sum(axis=1) == 10).all()

    attack(times, mutated([TABLE.encode()]), check)
