"""Tables in Parquet and Arrow files, by pyarrow (an extra): values as a CSV has them, pictures as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import MissingRequirementError, UsageError
from ..base.files import open_regular, reading
from .table_text import NESTED

if TYPE_CHECKING:
    import pyarrow

ENDINGS = (".parquet", ".pq", ".arrow", ".feather")
"""How the names of Parquet and Arrow files end."""

LARGEST = 2**34
"""Bytes of a table in memory, as the file states them."""

_PARQUET = (".parquet", ".pq")
_HINT = "a Parquet or Arrow file that is whole, or the table as CSV"
_FEATURES = b"huggingface"
"""Where Hugging Face's `datasets` writes what the columns of a file are."""
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")
"""How files of pictures begin."""

Cells = list[str | None]


class ArrowColumns:
    """The columns of an Arrow table as text, with what the table itself says of them.

    `columns` are cells by name, None for null; `unread` says why those of a column are none of text;
    `classes` the names of classes, of columns that count them; `embedded` how the picture of a row is read,
    of columns that hold pictures: their cells are the pictures' names.
    """

    def __init__(self, table: pyarrow.Table, path: Path) -> None:
        self._path = path
        self._features = _features(table)
        self.columns: dict[str, Cells] = {}
        self.unread: dict[str, str] = {}
        self.classes: dict[str, tuple[str, ...]] = {}
        self.embedded: dict[str, Callable[[int], bytes]] = {}
        for name in table.column_names:
            if name in self.columns:
                raise UsageError(f"{path}: two columns are called {name!r}", hint="rename one of them")
            self.columns[name] = self._cells(name, table.column(name))

    def _cells(self, name: str, column: Any) -> Cells:
        import pyarrow as pa

        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if _holds_pictures(column):
            return self._pictures(name, column)
        if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            return [
                None if row is None else json.dumps(row, ensure_ascii=False) for row in column.to_pylist()
            ]
        if pa.types.is_nested(kind) or _is_binary(kind):
            self.unread[name] = "it holds bytes that are no pictures" if _is_binary(kind) else NESTED
            return [None] * len(column)
        classes = _classes(self._features.get(name))
        if classes and pa.types.is_integer(kind):
            self.classes[name] = classes
            return self._named(name, column.to_pylist(), classes)
        return _text(column)

    def _named(self, name: str, values: Iterable[int | None], classes: Sequence[str]) -> Cells:
        """Return the names of classes that are counted; -1 means none, as in test parts without labels."""
        cells: Cells = []
        for row, value in enumerate(values, 1):
            if value is not None and not -1 <= value < len(classes):
                wrong = f"{value} is none of its {len(classes)} classes (row {row})"
                raise UsageError(
                    f"{self._path}: column {name!r}: {wrong}",
                    hint="the file states their names, from 0 on; mend one or the other",
                )
            cells.append(None if value is None or value < 0 else classes[value])
        return cells

    def _pictures(self, name: str, column: Any) -> Cells:
        import pyarrow as pa

        paths: Sequence[Any] = [None] * len(column)
        content = column
        if pa.types.is_struct(column.type):
            paths = _field(column, "path").to_pylist() if column.type.get_field_index("path") >= 0 else paths
            content = _field(column, "bytes")
        there = content.is_valid().to_pylist()
        if not any(there):
            return [None if path is None else str(path) for path in paths]
        if not all(there):
            missing = [row for row, known in enumerate(there, 1) if not known]
            raise UsageError(
                f"{self._path}: column {name!r}: {len(missing):,} of {len(there):,} rows hold no picture "
                f"(row {missing[0]})",
                hint="leave them out of the table",
            )
        self.embedded[name] = partial(_bytes_at, content)
        return [f"row {row}" if path is None else f"row {row}: {path}" for row, path in enumerate(paths, 1)]


def read_arrow(path: Path, most_cells: int) -> pyarrow.Table:
    """Return the table in a Parquet or Arrow file, of at most `most_cells` values.

    Raises `MissingRequirementError` without pyarrow, `UsageError` for files that are none or too large.
    """
    require_pyarrow(path)
    # Opened here first: a pipe in the file's place would wait for ever.
    with open_regular(path, "a table", hint=_HINT), reading(path, "a table", hint=_HINT):
        if path.suffix.casefold() in _PARQUET:
            return _read_parquet(path, most_cells)
        return _read_ipc(path, most_cells)


def require_pyarrow(path: Path) -> None:
    """Raise `MissingRequirementError`, naming what is to be read, when pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingRequirementError(
            f"{path}: pyarrow, which reads Parquet and Arrow, is not installed",
            hint="pip install 'mtl-composer[parquet]', or save the table as CSV",
        ) from None


def _read_parquet(path: Path, most_cells: int) -> pyarrow.Table:
    from pyarrow import parquet

    with parquet.ParquetFile(path, memory_map=True) as file:
        stated = file.metadata
        groups = (stated.row_group(number) for number in range(stated.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        _refuse_too_large(path, stated.num_rows * stated.num_columns, size, most_cells)
        return file.read()


def _read_ipc(path: Path, most_cells: int) -> pyarrow.Table:
    """Return what is in an Arrow file, whether it is called a file (Feather) or a stream."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        begins = source.read(6)
        source.seek(0)
        opened = pa.ipc.open_file(source) if begins == b"ARROW1" else pa.ipc.open_stream(source)
        table = opened.read_all()
    _refuse_too_large(path, table.num_rows * table.num_columns, table.nbytes, most_cells)
    return table


def _refuse_too_large(path: Path, cells: int, size: int, most_cells: int) -> None:
    if cells > most_cells or size > LARGEST:
        said = f"{cells:,} cells" if cells > most_cells else f"{size:,} bytes of values"
        raise UsageError(
            f"{path}: has {said}, too many for a table", hint="leave out columns, or take a part of the rows"
        )


def _features(table: pyarrow.Table) -> Mapping[str, Any]:
    """Return what Hugging Face's `datasets` noted of the columns; nothing where it noted nothing we know."""
    noted = (table.schema.metadata or {}).get(_FEATURES)
    try:
        found = json.loads(noted or b"{}")["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _classes(feature: Any) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, Mapping) else None
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        return ()
    return tuple(str(name).strip() for name in names)


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _holds_pictures(column: Any) -> bool:
    """Return whether cells are pictures: as `datasets` has them, or the bytes of their files."""
    import pyarrow as pa

    if pa.types.is_struct(column.type):
        names = {column.type.field(number).name for number in range(column.type.num_fields)}
        return "bytes" in names and names <= {"bytes", "path"} and _is_binary(_field(column, "bytes").type)
    if not _is_binary(column.type):
        return False
    known = column.drop_null()
    return len(known) > 0 and known[0].as_py().startswith(_STARTS)


def _field(column: Any, name: str) -> Any:
    import pyarrow.compute as pc

    return pc.struct_field(column, name)


def _bytes_at(column: Any, row: int) -> bytes:
    content: bytes = column[row].as_py()
    return content


def _text(column: Any) -> Cells:
    return [
        None
        if value is None
        else ("true" if value else "false")
        if isinstance(value, bool)
        else str(value).strip()
        for value in column.to_pylist()
    ]
