"""The parts of a table: those that a column says, and those carved from the rows for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from .table_advice import setting, stated_at
from .table_columns import TableColumns
from .table_parts import PARTS, TEST, TRAIN, VALIDATION, carve, each_told, part_of, same_units


@dataclass(frozen=True)
class TableParts:
    """How rows are parted where no column says it: shares of all rows, and a seed."""

    test: float
    validation: float
    seed: int

    @property
    def _shares(self) -> dict[int, float]:
        return {TEST: self.test, VALIDATION: self.validation}

    def described(self, columns: TableColumns) -> list[str]:
        """Say how the rows are parted, one line for what a column says and one for what is carved."""
        given = given_parts(columns)
        lines = []
        if columns.split is not None:
            counts = [f"{PARTS[part]} {int((given == part).sum()):,}" for part in sorted(set(given.tolist()))]
            lines.append(f"parts as column {columns.split!r} says: {', '.join(counts)}")
        carved = [
            f"{100 * share:.4g} % for {'testing' if part == TEST else PARTS[part]} (dataset.{PARTS[part]})"
            for part, share in self._shares.items()
            if not (given == part).any()
        ]
        if carved:
            together = f", each {columns.group!r} in one part" if columns.group else ""
            why = "no column says the parts" if columns.split is None else "of the training rows"
            lines.append(f"{why}: {' and '.join(carved)} are taken by seed {self.seed}{together}")
        return lines

    def part(
        self, columns: TableColumns, rows: NDArray[np.int64], keys: Sequence[Sequence[object | None]]
    ) -> NDArray[np.int8]:
        """Return the part of each of `rows`; rows with one of `keys` in common are carved together.

        Raises `UsageError` when a group is in two parts, or nothing is left for training or testing.
        """
        parts = given_parts(columns)[rows]
        groups: list[object | None] = [None] * len(rows)
        if columns.group is not None:
            cells = columns.cells[columns.group]
            groups = [cells[row] for row in rows.tolist()]
            _refuse_split_groups(columns, groups, parts)
        units = same_units(len(rows), [groups, *keys])
        labels = [part for label in columns.labels.values() for part in each_told(label.values[rows])]
        for part, share in self._shares.items():
            if not (parts == part).any():
                parts = carve(parts, part, share, units, labels, self.seed)
        for part in (TRAIN, TEST):
            if not (parts == part).any():
                raise UsageError(
                    f"{columns.table.path}: no row is left for {'training' if part == TRAIN else 'testing'}",
                    hint="add rows, or change dataset.test and dataset.validation"
                    + (f"; each {columns.group!r} is in one part" if columns.group else ""),
                )
        return parts


def given_parts(columns: TableColumns) -> NDArray[np.int8]:
    """Return the part that a column says of each row; training where there is no such column.

    Raises `UsageError`, with lines, for cells that mean no part.
    """
    if columns.split is None:
        return np.full(len(columns.table), TRAIN, dtype=np.int8)
    cells = columns.cells[columns.split]
    known = {cell: None if cell is None else part_of(cell) for cell in set(cells)}
    strange = [row for row, cell in enumerate(cells) if known[cell] is None]
    if strange:
        cell = cells[strange[0]]
        said = "an empty cell" if cell is None else f"{cell!r:.60}"
        raise UsageError(
            f"{columns.table.path}: column {columns.split!r}: {said} means no part "
            f"({columns.table.listed(strange)})",
            hint=f"write train, validation or test; or: {setting(columns.split, 'ignore')}",
            at=stated_at(columns.split),
        )
    return np.array([known[cell] for cell in cells], dtype=np.int8)


def _refuse_split_groups(
    columns: TableColumns, groups: Sequence[object | None], parts: NDArray[np.int8]
) -> None:
    first: dict[object, int] = {}
    for group, part in zip(groups, parts.tolist(), strict=True):
        if group is not None and first.setdefault(group, part) != part:
            raise UsageError(
                f"{columns.table.path}: {columns.group} {group!r:.60} has rows in two parts, "
                f"{PARTS[first[group]]} and {PARTS[part]}",
                hint=f"mend column {columns.split!r}; or, if that is meant: "
                f"{setting(str(columns.group), 'ignore')}",
            )
