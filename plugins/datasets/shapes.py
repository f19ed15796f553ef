"""The GSN shapes: 10,000 real images of squares, circles and triangles with their counts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.files import reading
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset
from ...core.contracts.specs import DatasetSpec
from .folders import DATA_DIR
from .image_files import ImageFile, read_images
from .shape_labels import COLUMN, KINDS, shapes_spec
from .stores import FolderStore, Store, open_store

LABELS = "labels.csv"
PUBLISHED = 10_000
"""Images of the published data."""
KINDS_SHOWN, FIGURES = 2, 10
"""Kinds of figure in every image, and figures in all."""
_AGAIN = "a download that broke off? fetch the data again"
_PLACES = ("", "data/", "gsn/data/")
_LARGEST_TABLE = 8 << 20
_LARGEST_IMAGE = 1 << 20
"""Bytes; of the published data, the table has 0.3 million and an image about 200."""


class Shapes(Dataset):
    """The GSN shapes, 28 x 28 grey, with the count of each kind of figure: float32 `[N, 6]`, `counts`.

    Reads `labels.csv` (columns `name` and the six kinds) and the images it names, from a folder (itself,
    its `data`, or its `gsn/data`) or from a zip file laid out the same way. The last `test_size` rows are
    the test split. Every image shows ten figures of two kinds.
    """

    def __init__(
        self,
        *,
        data_dir: Annotated[
            Path | None, Field(description=f"Folder or zip file with {LABELS}; {DATA_DIR} when absent.")
        ] = None,
        test_size: Annotated[int, Field(ge=1, description="Rows at the end that are the test split.")] = 1000,
    ) -> None:
        self.data_dir = from_root(Path(data_dir or DATA_DIR))
        self.test_size = test_size

    def spec(self) -> DatasetSpec:
        return shapes_spec()

    def published_sizes(self) -> Mapping[str, int]:
        return {"train": PUBLISHED - self.test_size, "test": self.test_size}

    def sources(self) -> Sequence[Path] | None:
        if self.data_dir.is_file():
            return [self.data_dir]
        try:
            folder = self._find_folder(FolderStore(self.data_dir))
        except MissingRequirementError:
            return None  # `load` says what is missing
        return sorted(path for path in (self.data_dir / folder).rglob("*") if path.is_file())

    def load(self) -> Mapping[str, Columns]:
        with open_store(self.data_dir, hint=_AGAIN) as store:
            folder = self._find_folder(store)
            labels = store.shown(folder + LABELS)
            table = store.read(folder + LABELS, "a table of labels", hint=_AGAIN, most=_LARGEST_TABLE)
            names, counts = _parse(labels, table)
            train_size = len(names) - self.test_size
            if train_size < 1:
                raise UsageError(
                    f"{labels}: {len(names)} rows leave no training images with test_size {self.test_size}",
                    hint="choose a smaller test_size",
                )
            image = read_images(_image_files(store, folder, names), self.spec().image)
        return {
            "train": Columns(image[:train_size], {COLUMN: counts[:train_size]}),
            "test": Columns(image[train_size:], {COLUMN: counts[train_size:]}),
        }

    def _find_folder(self, store: Store) -> str:
        """Return what the names of the files begin with."""
        for place in _PLACES:
            if store.has(place + LABELS):
                return place
        looked_for = ", ".join(place + LABELS for place in _PLACES)
        raise MissingRequirementError(
            f"the GSN shapes are not in {self.data_dir}: no {looked_for}",
            hint="pass their folder or zip file with --data-dir, "
            "or use --dataset shapes-synthetic, which needs no files",
        )


def _parse(where: str, content: bytes) -> tuple[dict[int, str], NDArray[np.float32]]:
    """Return the image name of each line and the counts `[N, 6]`; a `UsageError` names the line at fault."""
    with reading(where, "a CSV file", hint=_AGAIN):
        rows = csv.reader(StringIO(content.decode("utf-8-sig"), newline=""))
        header = [title.strip() for title in next(rows, [])]
        positions = _positions(header, where)
        names: dict[int, str] = {}
        counts = []
        for line, row in enumerate(rows, start=2):
            if not row:
                continue
            if len(row) != len(header):
                raise UsageError(
                    f"{where}:{line}: {len(row)} values, expected {len(header)}",
                    hint="as many as the first line names columns",
                )
            name, *values = (row[position].strip() for position in positions)
            names[line] = name
            counts.append(_counts(values, f"{where}:{line}"))
    if not names:
        raise UsageError(f"{where}: no rows", hint=_AGAIN)
    return names, np.array(counts, dtype=np.float32)


def _positions(header: Sequence[str], where: str) -> list[int]:
    """Return where in a row the name and the counts stand."""
    if not header:
        raise UsageError(f"{where}: empty", hint=_AGAIN)
    columns = ("name", *KINDS)
    missing = [column for column in columns if column not in header]
    if missing:
        raise UsageError(
            f"{where}:1: no column {', '.join(missing)}; found {_cut(', '.join(header))}",
            hint=f"the first line is {','.join(columns)}, in any order",
        )
    return [header.index(column) for column in columns]


def _counts(values: Sequence[str], where: str) -> list[int]:
    counts = [_count(value, kind, where) for kind, value in zip(KINDS, values, strict=True)]
    kinds = sum(count > 0 for count in counts)
    if kinds != KINDS_SHOWN or sum(counts) != FIGURES:
        raise UsageError(
            f"{where}: {sum(counts)} figures of {kinds} kinds; every image shows {FIGURES} of {KINDS_SHOWN}",
            hint="images of your own with other numbers need a data set plugin",
        )
    return counts


def _count(value: str, kind: str, where: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise UsageError(
            f"{where}: {kind} is {_cut(repr(value))}, expected a whole number",
            hint="counts are figures per kind, from 0",
        )
    return int(value)


def _image_files(store: Store, folder: str, names: Mapping[int, str]) -> list[ImageFile]:
    missing = [line for line, name in names.items() if not store.has(folder + name)]
    if missing:
        others = f" (nor are {len(missing) - 1} more)" if len(missing) > 1 else ""
        first = missing[0]
        raise UsageError(
            f"{store.shown(folder + LABELS)}:{first}: image {_cut(names[first])} is not there{others}",
            hint=f"images are looked for beside {LABELS}",
        )
    read = partial(store.read, what="an image", hint=_AGAIN, most=_LARGEST_IMAGE)
    return [ImageFile(store.shown(folder + name), partial(read, folder + name)) for name in names.values()]


def _cut(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
