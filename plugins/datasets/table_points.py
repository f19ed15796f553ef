"""Columns of x and of y that together are points of the pictures: `left_eye_x` and `left_eye_y`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError, suggest
from ...core.contracts.specs import Symmetry
from ...core.data.tables import Table
from ..forms import Points
from .table_advice import setting, stated_at
from .table_labels import Cells, Label
from .table_numbers import number_of

NAME = "points"
"""What points are called together where no recipe does."""

UNITS = ("pixels", "share")
"""What places are counted in: pixels of the picture as it is, or 0 to 1 of its width and height."""

MOST_OUTSIDE = 0.1
"""Share of the places that may lie outside of their pictures, as those of points that are not visible."""

Pairs = Mapping[str, tuple[str, str]]
"""The columns of x and of y by the name of their point."""

_AXIS = (
    re.compile(r"(?P<name>.+?)[\s_.-]+(?P<axis>[xyXY])"),
    re.compile(r"(?P<axis>[xyXY])[\s_.-]+(?P<name>.+)"),
    re.compile(r"(?P<name>.*[a-z0-9])(?P<axis>[XY])"),
    re.compile(r"(?P<name>)(?P<axis>[xyXY])"),
)
_SIDES = ("left", "right")


@dataclass(frozen=True)
class PointLabel(Label):
    """Places of named points, float32 `[N, K, 2]`, NaN for one that is not there.

    They are in `units` of the table until `relative` brings them to shares.
    """

    table: Table
    units: str

    @property
    def described(self) -> str:
        """The column in a few words: `3 points: nose, left_eye, right_eye, in pixels; 4 absent`."""
        assert isinstance(self.spec, Points)
        names = self.spec.names
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        absent = int((~self.present).sum())
        told = f"{len(names)} point{'s' if len(names) > 1 else ''}: {shown}, "
        told += "in pixels" if self.units == "pixels" else "in shares of the picture"
        return told + (f"; {absent:,} absent" if absent else "")

    def relative(self, sizes: Sequence[tuple[int, int] | None]) -> tuple[Label, tuple[str, ...]]:
        """Return places in 0..1, and what is remarked of them.

        `sizes` are height and width of the rows' pictures, None where one cannot be read. A point outside of
        its picture is not visible, and that is remarked. Raises `UsageError` when many are.
        """
        values = self.values.astype(np.float64)
        if self.units == "pixels":
            wide = np.array([(nan, nan) if size is None else (size[1], size[0]) for size in sizes])
            values = values / wide[:, None, :]
        known = np.asarray(~np.isnan(values).any(axis=2))
        inside: NDArray[np.bool_] = known & ((values >= 0) & (values <= 1)).all(axis=2)
        outside = known & ~inside
        if outside.sum() > MOST_OUTSIDE * max(1, known.sum()):
            self._refuse(outside, known, sizes)
        places = np.where(inside[..., None], values, nan).astype(np.float32)
        counts = f"{int(outside.sum()):,} of {int(known.sum()):,}"
        said = f"{self.name}: {counts} places lie outside of their pictures: not visible"
        return Label(self.name, self.spec, places), (said,) if outside.any() else ()

    def _refuse(
        self, outside: NDArray[np.bool_], known: NDArray[np.bool_], sizes: Sequence[tuple[int, int] | None]
    ) -> None:
        assert isinstance(self.spec, Points)
        row, point = (int(found) for found in np.argwhere(outside)[0])
        x, y = self.values[row, point]
        size = sizes[row]
        of = "" if size is None else f" of {size[0]} x {size[1]} pixels"
        raise UsageError(
            f"{self.table.path}: {self.name}: {int(outside.sum()):,} of {int(known.sum()):,} places lie "
            f"outside of their pictures: {self.spec.names[point]} is at ({x:g}, {y:g}){of} "
            f"({self.table.listed([row])})",
            hint=f"{' or '.join(UNITS)} are read; where columns are no points, say what they are: "
            f"{setting(self.name, 'number')}",
        )


def pairs_of(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the points whose x and y are columns, by their names.

    >>> pairs_of(["nose_x", "nose_y", "size", "x_eye", "y_eye", "earX", "earY", "max"])
    {'nose': ('nose_x', 'nose_y'), 'eye': ('x_eye', 'y_eye'), 'ear': ('earX', 'earY')}
    >>> pairs_of(["x", "y", "box_x"])
    {'point': ('x', 'y')}
    """
    found: dict[tuple[int, str], dict[str, str]] = {}
    for column in columns:
        for way, pattern in enumerate(_AXIS):
            if match := pattern.fullmatch(column.strip()):
                found.setdefault((way, match["name"]), {}).setdefault(match["axis"].casefold(), column)
                break
    pairs: dict[str, tuple[str, str]] = {}
    for (_, name), axes in found.items():
        if len(axes) == 2:
            pairs.setdefault(name or "point", (axes["x"], axes["y"]))
    return pairs


def found_points(columns: Mapping[str, Cells], apart: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the pairs that are taken for points by themselves: numbers from 0 on.

    `apart` are columns that are said to be something else.
    """
    return {
        name: pair
        for name, pair in pairs_of(columns).items()
        if not any(column in apart for column in pair) and all(_is_place(columns[column]) for column in pair)
    }


def points_of(
    table: Table,
    stated: Mapping[str, Mapping[str, Any]],
    cells: Mapping[str, Cells],
    apart: Collection[str],
    *,
    pictured: bool,
) -> dict[str, Pairs]:
    """Return the points that a recipe names, by the name it gives them together; else those that are found.

    Nothing is found without pictures, where the recipe says that `points` are numbers, and where the table
    has a column of that name. Raises `UsageError` for points without pictures, or without two columns.
    """
    known = pairs_of(table.columns)
    named: dict[str, Pairs] = {}
    for name, about in stated.items():
        if about.get("type") == "points":
            wanted = about.get("of", () if name in table.columns else tuple(known))
            lacks = next((point for point in wanted if point not in known), None)
            if lacks is not None or not wanted:
                said = (
                    f"there is no {lacks}_x with {lacks}_y"
                    if wanted
                    else "points are made of two columns each"
                )
                hint = suggest(lacks or "", list(known), "points") if known else "call them NAME_x and NAME_y"
                raise UsageError(f"{table.path}: column {name!r}: {said}", hint=hint, at=stated_at(name))
            named[name] = {point: known[point] for point in wanted}
    if named and not pictured:
        raise UsageError(
            f"{table.path}: column {next(iter(named))!r}: points lie in pictures; there are none",
            hint="say which column names pictures: --set dataset.columns.NAME=path",
            at=stated_at(next(iter(named))),
        )
    if named or not pictured or NAME in table.columns or stated.get(NAME, {}).get("type") == "number":
        return named
    found = found_points(cells, apart)
    return {NAME: found} if found else {}


def _is_place(cells: Cells) -> bool:
    known = {cell for cell in cells if cell is not None}
    numbers = [number_of(cell) for cell in known]
    return bool(known) and all(number is not None and number >= 0 for number in numbers)


def read_points(
    table: Table, name: str, pairs: Pairs, cells: Mapping[str, Cells], units: str | None
) -> tuple[PointLabel, list[str | None]]:
    """Return points, in the units of the table, and what the cells of one column of them would be.

    Without `units` they are shares where none is above 1. Raises `UsageError`, with lines, for cells that are
    no numbers, for an x without its y, and for a point that is nowhere.
    """
    values = np.full((len(table), len(pairs), 2), nan, dtype=np.float32)
    for place, (point, columns) in enumerate(pairs.items()):
        for axis, column in enumerate(columns):
            values[:, place, axis] = _numbers(table, column, cells[column])
        _refuse_halves(table, columns, np.isnan(values[:, place]))
        if np.isnan(values[:, place]).all():
            hint = f"leave it out: {setting(columns[0], 'ignore')}"
            raise UsageError(f"{table.path}: point {point!r} is nowhere: its columns are empty", hint=hint)
    if units is not None and units not in UNITS:
        raise UsageError(
            f"{table.path}: column {name!r} has units {units!r:.40}",
            hint=f"points are in {' or '.join(UNITS)}",
            at=(*stated_at(name), "units"),
        )
    units = units or ("pixels" if float(np.nanmax(values)) > 1 else "share")
    found = ["; ".join(f"{x:g} {y:g}" for x, y in row) for row in values]
    there = np.asarray(~np.isnan(values).all(axis=(1, 2)))
    told = [text if known else None for text, known in zip(found, there.tolist(), strict=True)]
    return PointLabel(name, Points(tuple(pairs)), values, table, units), told


def _numbers(table: Table, column: str, cells: Cells) -> list[float]:
    numbers = [nan if cell is None else number_of(cell) for cell in cells]
    strange = [row for row, number in enumerate(numbers) if number is None]
    if strange:
        where = table.listed(strange)
        raise UsageError(
            f"{table.path}: column {column!r}: {cells[strange[0]]!r:.60} is no number ({where})",
            hint="places of points are numbers; empty cells are points that are not visible",
        )
    return [nan if number is None else number for number in numbers]


def _refuse_halves(table: Table, columns: tuple[str, str], holes: NDArray[np.bool_]) -> None:
    half = np.flatnonzero(holes[:, 0] != holes[:, 1]).tolist()
    if half:
        there, lacks = (columns if holes[half[0], 1] else columns[::-1])[:2]
        raise UsageError(
            f"{table.path}: {there!r} has a number where {lacks!r} has none ({table.listed(half)})",
            hint="a point has both, or neither where it is not visible",
        )


def sides(names: Sequence[str]) -> Symmetry | None:
    """Return how points move whose names say left and right: a mirror exchanges them, a turn does not.

    >>> sides(("nose", "left_eye", "right_eye")).mirror
    (0, 2, 1)
    """
    order = [_index(names, _other_side(name), place) for place, name in enumerate(names)]
    stays = tuple(range(len(names)))
    paired = all(order[other] == place for place, other in enumerate(order))
    return Symmetry(stays, tuple(order)) if paired and tuple(order) != stays else None


def symmetries_of(labels: Mapping[str, Any]) -> dict[str, Symmetry]:
    """Return how the points among label columns move."""
    found = {name: sides(form.names) for name, form in labels.items() if isinstance(form, Points)}
    return {name: symmetry for name, symmetry in found.items() if symmetry is not None}


def _index(names: Sequence[str], name: str, otherwise: int) -> int:
    return names.index(name) if name in names else otherwise


def _other_side(name: str) -> str:
    left, right = _SIDES
    for one, other in ((left, right), (right, left)):
        if one in name.casefold():
            place = name.casefold().index(one)
            return name[:place] + other + name[place + len(one) :]
    return name
