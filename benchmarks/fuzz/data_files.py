"""Files of data sets: IDX, tables, zip files, pickles, pictures, folders of classes."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..reliability.r08_pictures import _formats as formats
from ..reliability.r09_archives import _good_shapes as good_shapes
from ..reliability.r09_archives import _idx as idx
from ..reliability.r09_archives import _picture as picture
from ..reliability.r09_archives import _zipped as zipped
from .target import Read, Target, written


def data_files() -> Iterator[Target]:
    """Yield the targets."""
    from hypothesis import strategies as st

    images = [idx((2, 28, 28), bytes(1568)), idx((40,), bytes(40))]
    yield Target("idx", images, written("images-idx3-ubyte", _read_idx), "images-idx3-ubyte")
    packed = [gzip.compress(content) for content in images]
    yield Target("idx-gz", packed, written("images-idx3-ubyte.gz", _read_idx), "images-idx3-ubyte.gz")
    shapes = good_shapes()
    yield Target("labels.csv", [shapes[0][1]], _table, "labels.csv", _rows(), together=200)
    yield Target("zip", [zipped(shapes)], written("shapes.zip", _load_shapes), "shapes.zip", together=200)
    yield Target(
        "pickle", [b"\x80\x04N.", b"cos\nsystem\n(S'true'\ntR."], _pickle, "cifar-10-batches-py", None, 50
    )
    yield Target("picture", list(formats().values()), written("picture.png", _read_picture), "picture.png")
    names = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4)
    drawn = names.map(lambda found: "\0".join(found).encode("utf-8", "surrogatepass"))
    yield Target("class folders", [b"a\0b", "é\0e\u0301".encode()], _folders, "folders", drawn, together=200)


def _read_idx(path: Path) -> object:
    from mtl.plugins.datasets.idx_images import read_idx

    return read_idx(path, (28, 28))


def _load_shapes(path: Path) -> object:
    from mtl.plugins.datasets.shapes import Shapes

    return Shapes(data_dir=path, test_size=2).load()


def _table(work: Path) -> Read:
    for name, content in good_shapes()[1:]:
        (work / name).write_bytes(content)

    def act(content: bytes) -> object:
        (work / "labels.csv").write_bytes(content)
        return _load_shapes(work)

    return act


def _rows() -> Any:
    from hypothesis import strategies as st

    head = b"name,square-1,circle-1\n"
    fields = st.one_of(
        st.integers().map(str), st.text(max_size=8), st.sampled_from(["5", "i0.png", "i1.png", '"'])
    )
    rows = st.lists(st.lists(fields, min_size=5, max_size=8).map(",".join), max_size=6).map("\n".join)
    title = good_shapes()[0][1].partition(b"\n")[0] + b"\n"
    return st.tuples(st.sampled_from([head, title]), rows).map(
        lambda pair: pair[0] + pair[1].encode("utf-8", "surrogatepass")
    )


def _pickle(work: Path) -> Read:
    folder = work / "cifar-10-batches-py"
    folder.mkdir()

    def act(content: bytes) -> object:
        from mtl.plugins.datasets.cifar10 import Cifar10

        for name in Cifar10.files:
            (folder / name).write_bytes(content)
        return Cifar10(data_dir=work, download=False).load()

    return act


def _read_picture(path: Path) -> object:
    from mtl.core.contracts.specs import ImageSpec
    from mtl.exports.images import read_image

    return read_image(path, ImageSpec(3, 28, 28), resize=True)


def _folders(work: Path) -> Read:
    """Return what makes folders of the names in an input, parted by NUL, and loads them."""
    place = work / "folders"
    image = picture()

    def act(content: bytes) -> object:
        from mtl.plugins.datasets.image_folder import ImageFolder

        shutil.rmtree(place, ignore_errors=True)
        for split in ("train", "test"):
            (place / split).mkdir(parents=True)
            for name in content.split(b"\0"):
                _make(place / split, name, partial(_write, image))
        return ImageFolder(data_dir=place).load()

    return act


def _write(image: bytes, folder: Path) -> None:
    for number in range(2):
        (folder / f"{number}.png").write_bytes(image)


def _make(place: Path, name: bytes, fill: Callable[[Path], object]) -> None:
    if b"/" in name or name in (b"", b".", b".."):
        return
    folder = place / os.fsdecode(name)
    try:
        folder.mkdir(exist_ok=True)
    except OSError:  # what the file system itself does not take
        return
    fill(folder)
