"""What is wrong with the labels of a table as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ..forms import Binary, Categorical, Multilabel
from .table_advice import setting
from .table_columns import TableColumns
from .table_parts import PARTS, TRAIN


def refuse_contradictions(columns: TableColumns, pictures: Sequence[str]) -> None:
    """Raise `UsageError` when two rows give one picture two different labels, naming the first ones.

    `pictures` are the names of the rows' pictures.
    """
    rows_of: dict[str, list[int]] = {}
    for row, picture in enumerate(pictures):
        rows_of.setdefault(picture, []).append(row)
    repeated = [rows for rows in rows_of.values() if len(rows) > 1]
    for name, label in columns.labels.items():
        cells, there = columns.cells[name], label.present
        wrong = []
        for rows in repeated:
            known = [row for row in rows if there[row]]
            other = next((row for row in known if not _same(label.values[row], label.values[known[0]])), None)
            if other is not None:
                wrong.append((known[0], other))
        if wrong:
            one, other = wrong[0]
            table, more = (
                columns.table,
                f"; and so on: {len(wrong):,} pictures" if len(wrong) > 1 else "",
            )
            raise UsageError(
                f"{table.path}: column {name!r}: {columns.cells[columns.path][one]!r:.80} has two labels: "
                f"{cells[one]!r:.40} ({table.listed([one])}) and {cells[other]!r:.40} "
                f"({table.listed([other])}){more}",
                hint="keep one row per picture, or leave the doubtful label empty",
            )


def _same(one: Any, other: Any) -> bool:
    """Return whether two rows have the same label; of what is not known in both nothing is said."""
    return bool(np.array_equal(one, other, equal_nan=True))


def refuse_untaught(columns: TableColumns, rows: NDArray[np.int64], parts: NDArray[np.int8]) -> None:
    """Raise `UsageError` when a class has labels, but none among the rows for training."""
    for name, label in columns.labels.items():
        values: NDArray[Any] = label.values[rows]
        if isinstance(label.spec, Multilabel):
            _refuse_untaught_tags(columns, name, label.spec, values, parts)
            continue
        if isinstance(label.spec, Categorical):
            classes: tuple[str, ...] = label.spec.classes
        elif isinstance(label.spec, Binary):
            classes = ("no", "yes")
        else:
            continue
        taught = set(values[parts == TRAIN].tolist())
        for index in sorted(set(values.tolist()) - taught - {-1}):
            where = np.flatnonzero(values == index)
            part, count = PARTS[int(parts[where[0]])], len(where)
            cell = columns.cells[name][int(rows[where[0]])]
            raise UsageError(
                f"{columns.table.path}: column {name!r}: class {classes[index]!r} has no row for training: "
                f"{count} row{'s' if count > 1 else ''} for {part} "
                f"({columns.table.listed(rows[where].tolist())})",
                hint=f"move some to training, or make them holes: {setting(name, f'[{cell}]', 'absent')}",
            )


def _refuse_untaught_tags(
    columns: TableColumns, name: str, form: Multilabel, values: NDArray[Any], parts: NDArray[np.int8]
) -> None:
    """Raise `UsageError` when a tag is known of rows, but of none for training."""
    for tag, known in zip(form.names, (values >= 0).T, strict=True):
        if known.any() and not known[parts == TRAIN].any():
            raise UsageError(
                f"{columns.table.path}: column {name!r}: tag {tag!r} is known of no row for training",
                hint="move some of its rows to training, or leave it out",
            )
