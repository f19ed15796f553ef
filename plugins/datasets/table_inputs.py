"""Which columns of a table a model reads, and what becomes of their cells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError, suggest
from ...core.contracts.inputs import VectorSpec
from ..forms import Categorical, Regression
from .class_folders import natural
from .table_columns import TableColumns
from .table_labels import Cells, Label
from .table_numbers import number_of

NAME = "row"
"""The name of the input that the columns are together."""


def divided(
    columns: TableColumns,
    inputs: Sequence[str] | None,
    targets: Sequence[str] | None,
    stated: Collection[str],
) -> TableColumns:
    """Return a table's columns with some of its labels as inputs instead; `stated` says which have types.

    Beside pictures the inputs are those that are named. Without pictures the targets are those named, else
    the last column that could be told, and all other columns are inputs. Raises `UsageError` for names of no
    such columns, and when nothing is left to read or to tell.
    """
    known = list(columns.labels)
    for option, names in (("inputs", inputs), ("targets", targets)):
        for name in names or ():
            if name not in known:
                hint = suggest(name, known, "columns")
                raise UsageError(
                    f"{columns.table.path}: no column {name!r} is known", hint=hint, at=("dataset", option)
                )
    if columns.path:
        read = tuple(inputs or ())
        told = [name for name in known if name not in read] if targets is None else list(targets)
    else:
        told = list(targets or [name for name in known if name not in (inputs or ())][-1:])
        read = tuple([name for name in known if name not in told] if inputs is None else inputs)
        _refuse_emptiness(columns, read, told)
    if both := [name for name in read if name in told]:
        raise UsageError(
            f"{columns.table.path}: column {both[0]!r} is read and told",
            hint="leave it out of dataset.targets, or of dataset.inputs",
            at=("dataset", "inputs"),
        )
    labels = {name: label for name, label in columns.labels.items() if name in told}
    spec, values = _vector(columns, read, stated) if read else (None, None)
    unused = {name: "it is neither told nor read" for name in known if name not in (*read, *told)}
    return replace(columns, labels=labels, ignored={**columns.ignored, **unused}, vector=spec, values=values)


def _refuse_emptiness(columns: TableColumns, read: Sequence[str], told: Sequence[str]) -> None:
    if not read or not told:
        names = ", ".join(list(columns.table.columns)[:8])
        raise UsageError(
            f"{columns.table.path}: no column holds paths of pictures, and without pictures at least one "
            f"column is read and one told; columns: {names}",
            hint="say which column names pictures: --set dataset.columns.NAME=path; or what others hold",
        )


def _vector(
    columns: TableColumns, read: Sequence[str], stated: Collection[str]
) -> tuple[VectorSpec, NDArray[np.float32]]:
    numbers: dict[str, NDArray[np.float32]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    places: list[NDArray[np.float32]] = []
    for name in read:
        label, cells = columns.labels[name], columns.cells[name]
        if isinstance(label.spec, Regression) or (name not in stated and _are_numbers(cells)):
            found = [np.nan if cell is None else number_of(cell) for cell in cells]
            numbers[name] = np.array(found, dtype=np.float32)
        else:
            categories[name] = _names(label, cells)
            place = {text: float(index) for index, text in enumerate(categories[name])}
            places.append(np.array([np.nan if cell is None else place[cell] for cell in cells], np.float32))
    return VectorSpec(NAME, tuple(numbers), categories), np.stack([*numbers.values(), *places], axis=1)


def _are_numbers(cells: Cells) -> bool:
    return all(cell is None or number_of(cell) is not None for cell in cells)


def _names(label: Label, cells: Cells) -> tuple[str, ...]:
    """Return the names of a category as the cells have them: what is asked later is compared with these."""
    there = sorted({cell for cell in cells if cell is not None}, key=natural)
    stated = label.spec.classes if isinstance(label.spec, Categorical) else ()
    return tuple(dict.fromkeys([*(name for name in stated if name in there), *there]))
