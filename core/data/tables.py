"""A table as it stands in its file: columns of text by name, each row with the line it was written in."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import UsageError
from ..base.files import reading
from . import arrow_tables
from .table_text import HINT, NESTED, read_text

NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.parquet")
"""What a folder's table may be called, as Hugging Face calls it."""

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm")
"""How the names of picture files end."""

ARRAYS = (".npy",)
"""How the names of files end that hold an array: a number per pixel, and no picture."""

MOST_COLUMNS = 1000
MOST_CELLS = 10_000_000
"""Cells of text are held in memory, some four hundred bytes each by the time they are understood."""

_JSON_LINES = (".jsonl", ".ndjson")
ENDINGS = (".csv", ".tsv", *_JSON_LINES, *arrow_tables.ENDINGS)
"""How the names of tables end."""
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Table:
    """Cells by column, stripped of blanks, None where a row has none; `lines` are those of the file.

    `unread` says of columns that are left out why, such as those that hold mappings, or lists of anything but
    texts: their cells are None. A list of texts is a cell of JSON. `classes` are the names of
    classes, in order, of columns whose file states them. `embedded` columns hold pictures, not their paths:
    it gives the bytes of a row's, and their cells are names for messages. `counted` is what `lines` are.
    `files` are those that it was read from, where `path` is none; `shards` says of each row which of them.
    """

    path: Path
    columns: dict[str, list[str | None]]
    lines: Sequence[int]
    unread: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    embedded: Mapping[str, Callable[[int], bytes]] = field(default_factory=dict)
    counted: str = "line"
    files: tuple[Path, ...] = ()
    shards: NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.lines)

    def listed(self, rows: Sequence[int]) -> str:
        """Return the lines of rows for a message: the first three."""
        shown = ", ".join(str(self.lines[row]) for row in rows[:3])
        return f"{self.counted}{'s' if len(rows) > 1 else ''} {shown}{', ...' if len(rows) > 3 else ''}"


def names_pictures(cells: Iterable[str | None]) -> bool:
    """Return whether these are paths of pictures: nine in ten end as picture files do.

    >>> names_pictures(["a.png", "b/c.JPG", None]), names_pictures(["red", "a.png"])
    (True, False)
    """
    known = [cell for cell in cells if cell]
    return bool(known) and sum(cell.casefold().endswith(PICTURES) for cell in known) >= 0.9 * len(known)


def names_arrays(cells: Iterable[str | None]) -> bool:
    """Return whether these are paths of NumPy's arrays, all of them.

    >>> names_arrays(["a.npy", None]), names_arrays(["a.npy", "b.png"])
    (True, False)
    """
    known = [cell for cell in cells if cell]
    return bool(known) and all(cell.casefold().endswith(ARRAYS) for cell in known)


def find_table(place: Path, *, otherwise: str = "name the table's file") -> Path:
    """Return the table's file: the one named, or the one of a folder that holds it.

    Raises `UsageError` when there is none (`otherwise` says what may be done), or several.
    """
    if not place.is_dir():
        return place
    found = [place / name for name in NAMES if (place / name).is_file()]
    if len(found) > 1:
        raise UsageError(
            f"{place}: holds {' and '.join(path.name for path in found)}", hint="name the one that counts"
        )
    if not found:
        with reading(place, "a folder with a table", hint="give read access to it"):
            tables = sorted(path.name for path in place.iterdir() if path.suffix in ENDINGS)
        more = f" and {len(tables) - 3} more" if len(tables) > 3 else ""
        hint = f"name a table in it: {', '.join(tables[:3])}{more}" if tables else otherwise
        raise UsageError(f"{place}: holds no {', '.join(NAMES[:-1])} or {NAMES[-1]}", hint=hint)
    return found[0]


def read_table(path: Path, encoding: str = "utf-8") -> Table:
    """Return the table in a file: Parquet, Arrow or JSON lines by its name's ending, else CSV.

    A CSV has the delimiter it has. Raises `UsageError`, with the line, for what is no table, and
    `MissingRequirementError` when the package is missing that reads it.
    """
    ending = path.suffix.casefold()
    if ending in arrow_tables.ENDINGS:
        return table_of_arrow(arrow_tables.read_arrow(path, MOST_CELLS), path)
    text = read_text(path, encoding)
    with reading(path, "a table", hint=HINT):
        return _sound(_from_json_lines(text, path) if ending in _JSON_LINES else _from_csv(text, path))


def table_of_arrow(arrow: Any, path: Path) -> Table:
    """Return a `pyarrow.Table` as a table; `path` is what messages call it, and where paths start from."""
    with reading(path, "a table", hint=HINT):
        if arrow.num_columns > MOST_COLUMNS:
            raise UsageError(f"{path}: {arrow.num_columns:,} columns; at most {MOST_COLUMNS:,} are read")
        found = arrow_tables.ArrowColumns(arrow, path)
    rows = range(1, arrow.num_rows + 1)
    return _sound(Table(path, found.columns, rows, found.unread, found.classes, found.embedded, "row"))


def _sound(table: Table) -> Table:
    """Return a table that has rows, and columns that can be named."""
    path = table.path
    for name in table.columns:
        if not name.isprintable():
            raise UsageError(f"{path}: the column name {name!r:.60} cannot be shown", hint="rename it")
    if not len(table):
        raise UsageError(f"{path}: has no rows", hint="a row per picture follows the line of column names")
    return table


def _from_csv(text: str, path: Path) -> Table:
    delimiter = "\t" if path.suffix.casefold() == ".tsv" else _delimiter(text)
    rows = _csv_rows(text, path, delimiter)
    _, header = next(rows)
    names = _header(header, path)
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    cells, lines = list(columns.values()), list[int]()
    wrong: list[tuple[int, int]] = []
    for line, row in rows:
        if len(row) != len(names):
            wrong.append((line, len(row)))
            continue
        _refuse_too_many(len(lines) * len(names), path)
        lines.append(line)
        for column, cell in zip(cells, row, strict=True):
            column.append(cell.strip())
    if wrong:
        line, count = wrong[0]
        more = f", and {len(wrong) - 1:,} more rows like it" if len(wrong) > 1 else ""
        raise UsageError(
            f"{path}:{line}: has {count} cells, the line of names has {len(names)}{more}",
            hint='put text with commas into quotes: "a, b"',
        )
    return Table(path, _without_edges(columns), lines)


def _csv_rows(text: str, path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with the line each begins in."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f"{path}:{begun}: {error}", hint="a quote that is not closed?") from None
        if row:
            yield begun, row
        begun = reader.line_num + 1


def _delimiter(text: str) -> str:
    """Return what parts the cells of the first line.

    >>> _delimiter("file;colour,\\n"), _delimiter('"a,b,c"\\tcolour\\n')
    (';', '\\t')
    """
    first = text.lstrip().partition("\n")[0].rstrip("\r")
    rows = {mark: next(csv.reader([first], delimiter=mark), []) for mark in _DELIMITERS}
    counts = {mark: sum(bool(cell.strip()) for cell in row) for mark, row in rows.items()}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _header(cells: Sequence[str], path: Path) -> list[str]:
    if len(cells) > MOST_COLUMNS:
        raise UsageError(f"{path}: {len(cells):,} columns; at most {MOST_COLUMNS:,} are read")
    rows = [cell for cell in cells if names_pictures([cell])]
    if rows:
        raise UsageError(
            f"{path}:1: {rows[0]!r:.60} is the path of a picture, expected a line of column names",
            hint="begin the table with one, such as: file,label",
        )
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{path}: two columns are called {name!r}", hint="rename one of them")
    return names


def _without_edges(columns: dict[str, list[str | None]]) -> dict[str, list[str | None]]:
    """Leave out a last column without a name and without values: every line ends with the delimiter."""
    last = f"column {len(columns)}"
    if last in columns and not any(columns[last]):
        return {name: cells for name, cells in columns.items() if name != last}
    return columns


def _from_json_lines(text: str, path: Path) -> Table:
    columns: dict[str, list[str | None]] = {}
    unread: dict[str, str] = {}
    lines: list[int] = []
    for line, record in _records(text.split("\n"), path):
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * len(lines)
                if len(columns) > MOST_COLUMNS:
                    raise UsageError(f"{path}:{line}: more than {MOST_COLUMNS:,} columns are not read")
            if isinstance(value, list | dict) and not lists_texts(value):
                unread[name] = NESTED
            column.append(cell_of(value))
        lines.append(line)
        _refuse_too_many(len(lines) * len(columns), path)
        for column in columns.values():
            if len(column) < len(lines):
                column.append(None)
    return Table(path, columns, lines, unread)


def _records(lines: Iterable[str], path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except ValueError as error:
            raise UsageError(f"{path}:{number}: is no JSON: {error}", hint="one object a line") from None
        if not isinstance(record, dict):
            raise UsageError(f"{path}:{number}: is no object", hint='one object a line: {"file_name": ...}')
        yield number, record


def lists_texts(value: object) -> bool:
    """Return whether a value of JSON is a list of texts, which a cell holds as it is."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def cell_of(value: object) -> str | None:
    """Return a value of JSON as a cell; None for what a cell does not hold."""
    if lists_texts(value):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _refuse_too_many(cells: int, path: Path) -> None:
    if cells > MOST_CELLS:
        raise UsageError(
            f"{path}: has more than {MOST_CELLS:,} cells",
            hint="leave out columns, or take a part of the rows",
        )
