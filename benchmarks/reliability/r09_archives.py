"""R9: data sets and archives that are damaged or made to hurt, loaded as a training loads them."""

from __future__ import annotations

import io
import os
import pickle
import random
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .children import Child
from .mutating import mutated
from .row import Findings
from .trying import Trial, refuses, try_all

_BOMB = 400 << 20
"""Bytes that a hundredth of them unfolds to."""

_IMAGES, _LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


class Archives:
    """Hostile files first, then mutations of IDX files and of zipped shapes in turn."""

    name = "R9"
    title = "hostile and mutated data sets: IDX, zip, pickle, tables, folders with pipes, devices and links"
    promise = (
        "loaded or refused; nothing in it runs, nothing outside is read, each refusal within 5 s and 1 GiB"
    )
    count = 1500

    def run(self, count: int, seed: int, work: Path) -> Findings:
        random_numbers = random.Random(seed)
        marker = work / "ran"
        trials = [*_idx_files(work), *_zip_files(work), *_pickles(work, marker), *_folders(work)]
        random_numbers.shuffle(trials)
        trials = trials[:count]
        idx, archive = _good_idx(), _zipped(_good_shapes())
        for number in range(count - len(trials)):
            if number % 2:
                name = random_numbers.choice(sorted(idx))
                content = mutated(idx[name], random_numbers, near=24)
                trials.append(Trial(f"IDX mutation {number}", refuses(_mnist(work, {name: content}))))
            else:
                content = mutated(archive, random_numbers, near=len(archive))
                trials.append(
                    Trial(f"zip mutation {number}", refuses(_archive(work, partial(bytes, content))))
                )
        found = Findings()
        try_all(trials, found, Child(memory=1 << 30))
        if marker.exists():
            found.note("pickles", "", broken="code in a pickle ran")
        return found


def _load(dataset: Any, name: str | None = None) -> None:
    from mtl.core.data.samples import load_splits

    load_splits(dataset, validation=0.1, split_seed=0, choice={"name": name} if name else None)


def _idx(shape: tuple[int, ...], body: bytes, kind: int = 8) -> bytes:
    return bytes((0, 0, kind, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + body


def _good_idx() -> dict[str, bytes]:
    return {
        _IMAGES: _idx((40, 28, 28), bytes(40 * 784)),
        _LABELS: _idx((40,), bytes(index % 10 for index in range(40))),
        "t10k-images-idx3-ubyte": _idx((10, 28, 28), bytes(7840)),
        "t10k-labels-idx1-ubyte": _idx((10,), bytes(range(10))),
    }


def _mnist(work: Path, changed: dict[str, bytes]) -> Callable[[], None]:
    def act() -> None:
        from mtl.plugins.datasets.mnist import Mnist

        folder = work / "mnist" / "MNIST" / "raw"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in (_good_idx() | changed).items():
            (folder / name).write_bytes(content)
        _load(Mnist(data_dir=work / "mnist", download=False))

    return act


def _idx_files(work: Path) -> Iterator[Trial]:
    cases = {
        "good": {},
        "nothing": {_IMAGES: b""},
        "another type": {_IMAGES: _idx((40, 28, 28), bytes(40 * 784), 13)},
        "enormous": {_IMAGES: _idx((2**32 - 1,) * 3, b"")},
        "a product that wraps to nothing": {_IMAGES: _idx((2**31, 2**31, 4), b"")},
        "no images": {_IMAGES: _idx((0, 28, 28), b"")},
        "labels of three dimensions": {_LABELS: _idx((40, 1, 1), bytes(40))},
        "too few labels": {_LABELS: _idx((39,), bytes(39))},
        "label 255": {_LABELS: _idx((40,), bytes([255] * 40))},
        "a byte too many": {_IMAGES: _good_idx()[_IMAGES] + b"x"},
        "packed": {_IMAGES: b"\x1f\x8b\x08" + bytes(50)},
    }
    for name, changed in cases.items():
        yield Trial(f"IDX: {name}", refuses(_mnist(work, changed)))


def _good_shapes() -> list[tuple[str, bytes]]:
    from mtl.plugins.datasets.shape_labels import KINDS

    rows = [",".join(("name", *KINDS)), *(f"i{index}.png,5,5,0,0,0,0" for index in range(6))]
    return [("labels.csv", "\n".join(rows).encode()), *((f"i{index}.png", _picture()) for index in range(6))]


def _picture() -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (28, 28)).save(stream, "PNG")
    return stream.getvalue()


def _zipped(entries: list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return stream.getvalue()


def _shapes(work: Path, entries: Callable[[], list[tuple[str, bytes]]]) -> Callable[[], None]:
    return _archive(work, lambda: _zipped(entries()))


def _archive(work: Path, make: Callable[[], bytes]) -> Callable[[], None]:
    def act() -> None:
        from mtl.plugins.datasets.shapes import Shapes

        path = work / "shapes.zip"
        path.write_bytes(make())
        _load(Shapes(data_dir=path, test_size=2))

    return act


def _zip_files(work: Path) -> Iterator[Trial]:
    good = _good_shapes()
    (name, table), pictures = good[0], good[1:]
    head = table.partition(b"\n")[0]
    tables = {
        "good": table,
        "nothing": b"",
        "NUL": head + b"\n\0",
        "a long field": head + b"\n" + b"a" * 200_000 + b",5,5,0,0,0,0",
        "a count of 5000 digits": head + b"\ni0.png," + b"9" * 5000 + b",5,0,0,0,0",
        "a negative count": head + b"\ni0.png,-5,15,0,0,0,0",
        "an open quote": head + b'\n"i0.png,5,5',
        "UTF-16": table.decode().encode("utf-16"),
    }
    for place in ("../outside.png", "/etc/passwd", "..\\x.png", "\0", "", ".", "labels.csv"):
        tables[f"the name {place!r}"] = table + f"\n{place},5,5,0,0,0,0".encode()
    cases: dict[str, Callable[[], list[tuple[str, bytes]]]] = {
        "a bomb": lambda: [(name, bytes(_BOMB)), *pictures],
        "a picture bomb": lambda: [*good[:-1], ("i5.png", _picture() + bytes(_BOMB))],
        "no table": lambda: pictures,
    }
    for case, content in tables.items():
        cases[case] = partial(list, [(name, content), *pictures])
    for case, entries in cases.items():
        yield Trial(f"zip: {case}", refuses(_shapes(work, entries)))


class _Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def _pickles(work: Path, marker: Path) -> Iterator[Trial]:
    def act() -> None:
        from mtl.plugins.datasets.cifar10 import Cifar10

        folder = work / "cifar" / "cifar-10-batches-py"
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch", "batches.meta"):
            (folder / name).write_bytes(pickle.dumps(_Evil(marker)))
        _load(Cifar10(data_dir=work / "cifar", download=False))

    yield Trial("pickles that run a program", refuses(act))


def _folders(work: Path) -> Iterator[Trial]:
    """Yield folders of classes with something in them that is no picture, or a class too many."""
    no_text = os.fsdecode(b"\xff.png")
    entries: dict[str, Callable[[Path], object]] = {
        "9.png": lambda path: path.write_bytes(_picture()),
        "pipe.png": os.mkfifo,
        "device.png": lambda path: path.symlink_to("/dev/zero"),
        "nothing.png": lambda path: path.symlink_to("/nothing"),
        "itself": lambda path: path.symlink_to(path.parents[2]),
        "folder.png": Path.mkdir,
        no_text: lambda path: path.write_bytes(b"x"),
        "9" * 251 + ".png": lambda path: path.write_bytes(_picture()),
    }
    for name, make in entries.items():
        yield Trial(f"folders: {name[:20]!r}", refuses(_folder(work, f"a/{name}", make)))
    for name in ("<script>", "a,b", "x\ny", "é", " ", "..x", "'\""):
        yield Trial(f"folders: a class {name!r}", refuses(_folder(work, name, _fill)))
    yield Trial(
        "folders: a class elsewhere", refuses(_folder(work, "c", lambda path: path.symlink_to("/etc")))
    )


def _fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    for index in range(6):
        (folder / f"{index}.png").write_bytes(_picture())


def _folder(work: Path, name: str, make: Callable[[Path], object]) -> Callable[[], None]:
    """Return what loads a folder of two classes in whose splits `make` has made something."""

    def act() -> None:
        from mtl.plugins.datasets.image_folder import ImageFolder

        folder = work / "folders"
        shutil.rmtree(folder, ignore_errors=True)
        for split in ("train", "test"):
            for known in ("a", "b"):
                _fill(folder / split / known)
            make(folder / split / name)
        _load(ImageFolder(data_dir=folder), "image-folder")

    return act


ROW = Archives()
