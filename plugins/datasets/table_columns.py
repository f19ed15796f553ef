"""What every column of a table is: stated by the recipe, else found from its name and values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from ...core.base.errors import UsageError, suggest
from ...core.contracts.inputs import VectorSpec
from ...core.data.tables import Table, names_arrays
from .table_advice import setting, stated_at
from .table_kinds import Kind, guess
from .table_labels import LABELS, Cells, Label, LabelColumn, grouped
from .table_numbers import with_point
from .table_planes import MapLabel
from .table_points import NAME as POINTS
from .table_points import points_of, read_points

USUAL_PATHS = ("file_name", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures")
"""Names, in any case, of the column of pictures where several could be; first Hugging Face's name for it."""


class StatedColumn(TypedDict, total=False):
    """What a recipe may say of a column."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    type: Kind
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    yes: Annotated[tuple[str, ...], Field(min_length=1)]
    units: str
    scale: Annotated[float, Field(gt=0)]
    range: tuple[float | None, float | None]
    tags: Annotated[tuple[str, ...], Field(min_length=1)]
    separator: Annotated[str, Field(min_length=1, max_length=1)]
    of: Annotated[tuple[str, ...], Field(min_length=1)]
    absent: tuple[str, ...]


def _in_full(stated: object) -> object:
    if not isinstance(stated, Mapping):
        return {"type": stated} if isinstance(stated, str) else stated
    # Behind a validator of ours, pydantic takes a recipe's list for no tuple.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stated.items()}


ColumnOption = Annotated[StatedColumn, BeforeValidator(_in_full, json_schema_input_type=Kind | StatedColumn)]
"""What a recipe says of a column: a mapping, or its type alone."""


@dataclass(frozen=True)
class TableColumns:
    """A table with its columns understood.

    `path` is the column of paths, empty where no column names pictures; `split` and `group` are columns or
    None; `labels` are what can be told; `maps` are columns of masks and maps, with what is stated of each,
    until their files are looked at: then they are `planes`; `ignored` says why the others are not used.
    `vector` is what a model reads of the rows, with its `values` float32 `[N, width]`.
    """

    table: Table
    path: str
    split: str | None
    group: str | None
    labels: Mapping[str, Label]
    ignored: Mapping[str, str]
    cells: Mapping[str, Cells] = field(repr=False)
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vector: VectorSpec | None = None
    values: NDArray[np.float32] | None = field(default=None, repr=False)
    planes: Mapping[str, MapLabel] = field(default_factory=dict, repr=False)

    @property
    def told(self) -> dict[str, Label | MapLabel]:
        """All that is to be told, in the table's order."""
        found: dict[str, Label | MapLabel] = {**self.labels, **self.planes}
        return {name: found[name] for name in (*self.table.columns, *found) if name in found}

    @property
    def said(self) -> list[str]:
        """One line for every column, in the table's order."""
        lines, told = [], self.told
        for name in self.table.columns:
            if name in told:
                said = told[name].described
            elif self.vector is not None and name in self.vector.columns:
                said = self._read_as(self.vector, name)
            elif name in self.ignored:
                said = f"ignored: {self.ignored[name]}"
            elif name in self.table.embedded:
                said = "pictures"
            else:
                said = next(kind for kind in ("path", "split", "group") if getattr(self, kind) == name)
            lines.append(f"  {name}: {said}")
        new = [name for name in told if name not in self.table.columns]
        return [*lines, *(f"  {name}: {told[name].described}" for name in new)]

    def of(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the labels of some rows, and what is read of them."""
        found: dict[str, NDArray[Any]] = {name: label.values[rows] for name, label in self.labels.items()}
        if self.vector is not None and self.values is not None:
            found[self.vector.name] = self.values[rows]
        return found

    def _read_as(self, vector: VectorSpec, name: str) -> str:
        names = vector.categories.get(name)
        holes = sum(cell is None for cell in self.cells[name])
        kind = "number" if names is None else f"category of {len(names)}: {', '.join(names[:3])}"
        more = ", ..." if names is not None and len(names) > 3 else ""
        return f"input, {kind}{more}" + (f"; {holes:,} holes" if holes else "")


@dataclass(frozen=True)
class Seen:
    """What files that a column names are: `mask`, `map`, or None with a `reason`. `there`: some exist."""

    kind: Kind | None
    reason: str = ""
    there: bool = True


LookAtFiles = Callable[[Cells, Cells | None], Seen]
"""From the files that a column names, and the pictures beside them, to what they are."""


def _groups(stated: Mapping[str, StatedColumn]) -> dict[str, tuple[str, ...]]:
    """Return the columns of yes or no that are told as one, by its name."""
    return {
        name: tuple(about["of"])
        for name, about in stated.items()
        if "of" in about and about.get("type") != "points"
    }


def understand(
    table: Table,
    stated: Mapping[str, StatedColumn],
    absent: Sequence[str],
    decimal: str,
    look: LookAtFiles = lambda files, pictures: Seen(None),
    alone: Collection[str] = (),
) -> TableColumns:
    """Return what the columns of a table are; `absent` are the cells that mean no value.

    Columns that are `alone` are no part of points that nobody stated. Raises `UsageError` for what is stated
    of unknown columns, for columns of which only one can be, and for cells that are not what their column
    holds.
    """
    groups = _groups(stated)
    _refuse_unknown(table, stated, groups)
    said = {name: _with_type({**_of_file(table, name), **stated.get(name, {})}) for name in table.columns}
    cells = {
        name: _without_holes(column, (*absent, *said[name].get("absent", ())), decimal)
        for name, column in table.columns.items()
    }
    kinds: dict[str, Kind] = {}
    ignored: dict[str, str] = {}
    for name, about in said.items():
        kinds[name], reason = _kind(table, name, cells[name], about)
        if kinds[name] == "ignore":
            ignored[name] = reason
    path = _path(table, kinds, said, ignored, lambda name, other: look(cells[name], other and cells[other]))
    split, group = (_only(table, kind, _of_kind(kinds, kind)) for kind in ("split", "group"))
    labels: dict[str, Label] = {}
    apart = {*alone, *(name for name, about in said.items() if "type" in about)}
    for name, pairs in points_of(table, stated, cells, apart, pictured=bool(path)).items():
        ignored |= {column: f"a part of {name}" for pair in pairs.values() for column in pair}
        if stated.get(name, {}).get("type") != "ignore":
            units = stated.get(name, {}).get("units")
            labels[name], cells[name] = read_points(table, name, pairs, cells, units)
    for name, columns in groups.items():
        parts = [LabelColumn(table, column, cells[column]).read("yes-no", said[column]) for column in columns]
        labels[name], cells[name] = grouped(name, parts)
        ignored |= dict.fromkeys(columns, f"a part of {name}")
    labels |= {
        name: LabelColumn(table, name, cells[name]).read(kinds[name], said[name])
        for name in table.columns
        if kinds[name] in LABELS and name not in ignored
    }
    maps = {name: {**said[name], "type": kind} for name, kind in kinds.items() if kind in ("mask", "map")}
    return TableColumns(table, path, split, group, labels, ignored, cells, maps)


def _refuse_unknown(
    table: Table, stated: Mapping[str, StatedColumn], groups: Mapping[str, Sequence[str]]
) -> None:
    """Raise `UsageError` for what is stated of columns that are not there, or are there beside a new one."""
    made = {name for name, about in stated.items() if about.get("type") == "points"} | {POINTS}
    named = [
        *(name for name in stated if name not in groups and (name in table.columns or name not in made)),
        *(part for of in groups.values() for part in of),
    ]
    owner = {part: group for group, of in groups.items() for part in of}
    for name in named:
        if name not in table.columns:
            raise UsageError(
                f"{table.path} has no column {name!r}",
                hint=suggest(name, list(table.columns), "columns"),
                at=stated_at(name if name in stated else owner[name]),
            )
        if named.count(name) > 1 and sum(name in of for of in groups.values()) > 1:
            raise UsageError(
                f"{table.path}: column {name!r} is a part of two",
                hint="name it in `of` of one of them",
                at=stated_at(owner[name]),
            )
    for name, about in stated.items():
        if name in table.columns and "of" in about:
            raise UsageError(
                f"{table.path} has a column {name!r}, and `of` makes a new one",
                hint="give the new one another name",
                at=stated_at(name),
            )


def _of_file(table: Table, name: str) -> StatedColumn:
    """Return what the table's file itself says of a column, where that has a label."""
    known = name in table.classes and any(cell is not None for cell in table.columns[name])
    return {"classes": table.classes[name]} if known else {}


def _with_type(stated: StatedColumn) -> Mapping[str, Any]:
    """Return what is stated with the type that an option implies."""
    about: dict[str, Any] = dict(stated)
    implied = {
        "classes": "class",
        "yes": "yes-no",
        "scale": "map",
        "units": "number",
        "range": "number",
        "tags": "tags",
        "separator": "tags",
        "of": "tags",
    }
    found = [kind for option, kind in implied.items() if option in about]
    return {"type": found[0], **about} if found else about


def _kind(table: Table, name: str, cells: Cells, about: Mapping[str, Any]) -> tuple[Kind, str]:
    if "type" in about:
        return about["type"], "the recipe says so"
    if name in table.embedded:
        return "path", ""
    if name in table.unread:
        return "ignore", table.unread[name]
    found = guess(name, cells)
    return found.kind, found.reason


def _without_holes(column: Cells, absent: Sequence[str], decimal: str) -> list[str | None]:
    holes = {"", *(word.casefold() for word in absent)}
    cells = [None if cell is None or cell.casefold() in holes else cell for cell in column]
    return with_point(cells) if decimal == "," else cells


def _of_kind(kinds: Mapping[str, Kind], kind: str) -> list[str]:
    return [name for name, found in kinds.items() if found == kind]


def _path(
    table: Table,
    kinds: dict[str, Kind],
    said: Mapping[str, Mapping[str, Any]],
    ignored: dict[str, str],
    look: Callable[[str, str | None], Seen],
) -> str:
    """Return the column of pictures or their paths; empty when there is none.

    Others that could be are masks or maps if their files are, or ignored when one is stated, holds pictures
    itself, or is called as pictures are. Raises `UsageError` where it cannot be told which one it is.
    """
    found = _of_kind(kinds, "path")
    named = found
    found = [name for name in named if not names_arrays(table.columns[name])] or named
    stated = [name for name in found if "type" in said[name]]
    held = [name for name in found if name in table.embedded]
    usual = sorted(set(USUAL_PATHS) & {name.casefold() for name in found}, key=USUAL_PATHS.index)[:1]
    chosen = stated or held or [name for name in found if name.casefold() in usual]
    if not chosen and len(found) > 1:
        chosen = _pictured(table, {name: look(name, None) for name in found})
    name = _only(table, "path", chosen or found)
    if name is None:
        return ""
    for other in named:
        if other == name:
            continue
        seen = Seen(None) if name in table.embedded or other in table.embedded else look(other, name)
        if seen.kind is not None:
            kinds[other] = seen.kind
        else:
            no_map = f", and this no masks or maps: {seen.reason}" if seen.reason else ""
            kinds[other], ignored[other] = "ignore", f"{name} holds the pictures{no_map}"
    return name


def _pictured(table: Table, seen: Mapping[str, Seen]) -> list[str]:
    """Return the columns of files that may be those of the pictures: neither masks nor maps.

    Raises `UsageError` where more than one may be, and it is known what is wrong with the others.
    """
    found = [name for name, what in seen.items() if what.kind is None]
    if len(found) < 2:
        return found
    there = [name for name in found if seen[name].there]
    if not there:
        return found[:1]  # where its files are looked for is told when they are read
    if len(there) == 1:
        lost = next(name for name in found if name not in there)
        raise UsageError(
            f"{table.path}: column {lost!r}: {seen[lost].reason}",
            hint=f"mend the paths, or leave the column out: {setting(lost, 'ignore')}",
            at=stated_at(lost),
        )
    if not any(seen[name].reason for name in there):
        return there
    reasons = "; ".join(f"of {name}, {seen[name].reason}" for name in there)
    raise UsageError(
        f"{table.path}: {len(there)} columns could hold the paths of the pictures, and none of them names "
        f"masks or maps: {reasons}",
        hint=_choice(there, "path"),
    )


def _only(table: Table, kind: str, found: Sequence[str]) -> str | None:
    if len(found) > 1:
        what = {"path": "paths of the pictures", "split": "parts of the data", "group": "groups of rows"}[
            kind
        ]
        raise UsageError(
            f"{table.path}: {len(found)} columns could hold the {what}: {', '.join(found)}",
            hint=_choice(found, kind),
        )
    return found[0] if found else None


def _choice(found: Sequence[str], kind: str) -> str:
    return f"say which does: {setting(found[0], kind)}; or which not: {setting(found[1], 'ignore')}"
