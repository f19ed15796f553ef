"""Which rows a command line names: those of tables, with the columns that a model's vectors have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.base.errors import UsageError
from ..core.contracts.inputs import HOLES, VectorSpec
from ..core.data.tables import ENDINGS, Table, find_table, read_table
from .named_images import NamedImage, Naming, images_of, named_images


@dataclass(frozen=True)
class NamedRow:
    """A sample: as it is called in answers, its picture if it has one, and its vectors by name, `[width]`.

    Saved answers are called after `path`.
    """

    name: str
    path: Path
    image: NamedImage | None
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def named_rows(
    places: Sequence[Path], vectors: Sequence[VectorSpec], naming: Naming, *, pictured: bool
) -> list[NamedRow]:
    """Return what `places` name, in order: pictures, or rows of tables, with pictures where `pictured`.

    Without `vectors` anything that names pictures does. An empty cell is a hole, as are NaN, null and `?`.
    Raises `UsageError` for a place that is no table, a column that is missing, and a cell that is no number,
    with its line.
    """
    if not vectors:
        return [NamedRow(image.name, image.path, image) for image in named_images(places, naming)]
    return [row for place in places for row in _of_table(place, vectors, naming, pictured)]


def _of_table(place: Path, vectors: Sequence[VectorSpec], naming: Naming, pictured: bool) -> list[NamedRow]:
    if not place.is_dir() and place.suffix.casefold() not in ENDINGS:
        columns = ", ".join(column for vector in vectors for column in vector.columns)
        raise UsageError(
            f"{place}: is no table, and the model reads the columns {columns}",
            hint="name a CSV, TSV or JSON lines file that has them",
        )
    table = read_table(find_table(place))
    read = {vector.name: _read(table, vector) for vector in vectors}
    images: Sequence[NamedImage | None] = [None] * len(table)
    if pictured:
        images = list(images_of(table, place, naming))
    rows = []
    for index, image in enumerate(images):
        name = f"{place}:{table.lines[index]}" if image is None else image.name
        path = place.with_name(f"{place.stem}-{table.lines[index]}") if image is None else image.path
        rows.append(NamedRow(name, path, image, {key: values[index] for key, values in read.items()}))
    return rows


def _read(table: Table, vector: VectorSpec) -> NDArray[np.float32]:
    if missing := [column for column in vector.columns if column not in table.columns]:
        raise UsageError(
            f"{table.path}: has no column {missing[0]!r}, which the model reads",
            hint=f"it reads {', '.join(vector.columns)}; an unknown value is an empty cell",
        )
    cells = {column: table.columns[column] for column in vector.columns}
    rows = []
    for index, line in enumerate(table.lines):
        row: dict[str, Any] = {column: _known(values[index]) for column, values in cells.items()}
        try:
            rows.append(vector.encode(row))
        except ValueError as error:
            raise UsageError(
                f"{table.path}:{line}: {error}", hint="mend the cell, or leave it empty"
            ) from None
    return np.array(rows, dtype=np.float32)


def _known(cell: str | None) -> str | None:
    return None if cell is None or cell.casefold() in HOLES else cell
