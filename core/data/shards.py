"""Samples in tar shards, as WebDataset writes them: files of one name but for its ending are one sample.

Nothing is unpacked: of each file it is known where in its shard it lies, and pictures are read from there.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from pathlib import Path

import numpy as np

from ..base.errors import UsageError
from ..base.files import open_regular, reading
from ..base.world import world
from .table_text import NESTED
from .tables import ENDINGS, MOST_CELLS, PICTURES, Table, cell_of, lists_texts

ENDING = ".tar"
PICTURE = "picture"
"""The column of the pictures whose names have no further part: `0001.jpg`, but not `0001.mask.png`."""

_CLASS = re.compile(r"cls\d*")
"""Endings of files that hold the number of a class."""
_TEXTS = ("txt", "text", "id", "index")
_MOST = 1 << 20
"""Bytes of a file with text that no label comes near."""
_BLOCK = tarfile.BLOCKSIZE
_HINT = "an uncompressed tar of files side by side, such as 0001.jpg and 0001.cls"


@dataclass(frozen=True)
class _File:
    """Where a file lies in its shard."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class _Shard:
    """A shard's samples by key, each with its files by column; `columns` are those that its samples have."""

    path: Path
    samples: Mapping[str, Mapping[str, _File]]
    columns: frozenset[str] = field(default=frozenset())


def find_shards(place: Path) -> list[Path]:
    """Return the shards at a place, by name: a tar file, or those in a folder or in the folders of it.

    A folder with a table is one of that table, whatever archives lie beside it.
    """
    if place.suffix.casefold() == ENDING and not place.is_dir():
        return [place]
    if not place.is_dir():
        return []
    with reading(place, "a folder", hint="give read access to it"):
        if any(path.suffix.casefold() in ENDINGS for path in place.iterdir()):
            return []
        found = [*place.glob(f"*{ENDING}"), *place.glob(f"*/*{ENDING}")]
    return sorted(path for path in found if not path.name.startswith("."))


def read_shards(place: Path, paths: Sequence[Path]) -> Table:
    """Return the samples of shards as a table: a column for each ending, the fields of `.json` as columns.

    `.cls` files hold the numbers of classes. Where shards are called by different words (`train-000.tar`,
    `test-000.tar`) or lie in folders so called, a column `split` has these. Raises `UsageError`, naming the
    shard and the file, for a shard that is damaged or cut off, for a sample that lacks a file that the others
    have, and for shards whose samples have other files.
    """
    shards = [_shard(path) for path in paths]
    first = shards[0]
    for shard in shards[1:]:
        if shard.columns != first.columns:
            raise UsageError(
                f"{shard.path}: its samples have {_listed(shard.columns)}, those of {first.path.name} "
                f"{_listed(first.columns)}",
                hint="shards of one data set have the same files for each sample: leave one kind out",
            )
    rows = [(number, key) for number, shard in enumerate(shards) for key in shard.samples]
    if len(rows) * len(first.columns) > MOST_CELLS:
        raise UsageError(f"{place}: has more than {MOST_CELLS:,} files", hint="take a part of the shards")
    columns: dict[str, list[str | None]] = {}
    unread: dict[str, str] = {}
    embedded: dict[str, Callable[[int], bytes]] = {}
    for name in sorted(first.columns):
        files = [(shards[number], shards[number].samples[key][name]) for number, key in rows]
        if _is_picture(files[0][1].name):
            cells: list[str | None] = [f"{shard.path.name}: {file.name}" for shard, file in files]
            embedded[name] = partial(_picture, files)
            _add(columns, name, cells, place)
        elif _kind(name) == "json":
            for key, cells in _fields(files, unread).items():
                _add(columns, key, cells, place)
        else:
            _add(columns, name, _texts(name, files, unread), place)
    words = [_word(shard.path, place) for shard in shards]
    if len(set(words)) > 1 and "split" not in columns:
        columns["split"] = [words[number] for number, _ in rows]
    return Table(
        place,
        columns,
        range(1, len(rows) + 1),
        unread,
        {name: _classes(cells) for name, cells in columns.items() if _CLASS.fullmatch(name)},
        embedded,
        "sample",
        tuple(paths),
        np.array([number for number, _ in rows], dtype=np.int64),
    )


def refuse_idle(place: Path, count: int) -> None:
    """Raise `UsageError` where more processes train together than there are shards: each reads its own."""
    if world() > count:
        raise UsageError(
            f"{place}: {count} shard{'s' if count > 1 else ''} for {world()} processes: each reads its own",
            hint=f"write more and smaller shards, or train by fewer: --devices {count}",
        )


def _shard(path: Path) -> _Shard:
    samples: dict[str, dict[str, _File]] = {}
    for file in _files(path):
        key, column = _key_and_column(file.name, path)
        known = samples.setdefault(key, {})
        if column in known:
            other = "is there twice" if known[column].name == file.name else f"and {known[column].name!r}"
            raise UsageError(
                f"{path}: sample {key!r}: {file.name!r} {other}", hint="a sample has one of each file"
            )
        known[column] = file
    if not samples:
        raise UsageError(f"{path}: holds no samples", hint=_HINT)
    usual = Counter(frozenset(files) for files in samples.values()).most_common(1)[0][0]
    for key, files in samples.items():
        if missing := usual - files.keys():
            raise UsageError(
                f"{path}: sample {key!r} has no {_listed(missing)} file, which the others have",
                hint="add it (an empty one is a label that is not known), or leave the sample out",
            )
        if more := files.keys() - usual:
            raise UsageError(
                f"{path}: sample {key!r} has {files[min(more)].name!r}, a file that the others have not",
                hint="each sample has the same files; an empty one is a label that is not known",
            )
    return _Shard(path, samples, usual)


def _files(path: Path) -> Iterator[_File]:
    """Yield the files of a shard; raise `UsageError` where it is damaged, also behind its last file."""
    with open_regular(path, "a shard", hint=_HINT) as stream, reading(path, "a shard", hint=_HINT):
        size, last = os.fstat(stream.fileno()).st_size, "its beginning"
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            while (member := _next(archive, path, last)) is not None:
                if member.offset_data + member.size > size:
                    raise _damaged(path, f"is cut off in {member.name!r}")
                if not member.isdir() and (not member.isreg() or member.issparse()):
                    raise UsageError(f"{path}: {member.name!r} is no plain file", hint=_HINT)
                last = repr(member.name)
                if member.isreg() and not member.name.rpartition("/")[2].startswith("."):
                    yield _File(member.name, member.offset_data, member.size)
            # The package takes whatever it does not understand for the end.
            _refuse_more(stream, archive.offset, path, last)


def _next(archive: tarfile.TarFile, path: Path, last: str) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except tarfile.TarError as error:
        raise _damaged(path, f"is damaged behind {last}: {error}") from None


def _refuse_more(stream: BufferedReader, offset: int, path: Path, last: str) -> None:
    end = os.pread(stream.fileno(), _BLOCK, offset)
    if len(end) < _BLOCK:
        raise _damaged(path, f"is cut off behind {last}")
    if any(end):
        raise _damaged(path, f"is damaged behind {last}")


def _damaged(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: {what}", hint="write or copy the shard again")


def _key_and_column(name: str, path: Path) -> tuple[str, str]:
    """Return the sample that a file belongs to, and the column that it is in.

    >>> _key_and_column("a/0001.jpg", Path("x")), _key_and_column("0001.Mask.png", Path("x"))
    (('a/0001', 'picture'), ('0001', 'mask'))
    """
    folder, slash, base = name.removeprefix("./").rpartition("/")
    key, _, ending = base.partition(".")
    if not key or not ending or not ending.isprintable():
        raise UsageError(f"{path}: {name!r:.80} has no ending that says what it is", hint=_HINT)
    ending = ending.casefold()
    if f".{ending}" in PICTURES:
        ending = PICTURE
    elif _is_picture(ending):
        ending = ending.rpartition(".")[0]
    return f"{folder}{slash}{key}", ending


def _is_picture(name: str) -> bool:
    return name.casefold().endswith(PICTURES)


def _kind(column: str) -> str:
    return column.rpartition(".")[2]


def _listed(columns: frozenset[str] | set[str]) -> str:
    return ", ".join(column if column == PICTURE else f".{column}" for column in sorted(columns))


def _add(columns: dict[str, list[str | None]], name: str, cells: list[str | None], place: Path) -> None:
    if name in columns:
        raise UsageError(
            f"{place}: two columns would be called {name!r}", hint="rename the field of the .json files"
        )
    columns[name] = cells


def _picture(files: Sequence[tuple[_Shard, _File]], row: int) -> bytes:
    shard, file = files[row]
    return _content(shard, file)


def _content(shard: _Shard, file: _File) -> bytes:
    with open_regular(shard.path, "a shard", hint=_HINT) as stream:
        content = os.pread(stream.fileno(), file.size, file.offset)
    if len(content) < file.size:
        raise _damaged(shard.path, f"is cut off in {file.name!r}")
    return content


def _text(shard: _Shard, file: _File) -> str:
    if file.size > _MOST:
        raise UsageError(f"{shard.path}: {file.name!r} has more than {_MOST:,} bytes", hint=_HINT)
    with reading(f"{shard.path}: {file.name!r}", "text", hint="save it as UTF-8"):
        return _content(shard, file).decode("utf-8-sig").strip()


def _texts(name: str, files: Sequence[tuple[_Shard, _File]], unread: dict[str, str]) -> list[str | None]:
    """Return the texts of a column's files; None for all where they hold something else than text."""
    if not (_CLASS.fullmatch(name) or _kind(name) in _TEXTS):
        unread[name] = f"files .{_kind(name)} are left out"
        return [None] * len(files)
    cells: list[str | None] = []
    for shard, file in files:
        cell = _text(shard, file)
        if cell and _CLASS.fullmatch(name) and not (cell.isascii() and cell.isdecimal()):
            raise UsageError(
                f"{shard.path}: {file.name!r} holds {cell!r:.60}, expected the number of a class",
                hint="a whole number from 0 on; put other labels into .txt or .json files",
            )
        cells.append(cell or None)
    return cells


def _fields(files: Sequence[tuple[_Shard, _File]], unread: dict[str, str]) -> dict[str, list[str | None]]:
    """Return the fields of JSON files by name."""
    columns: dict[str, list[str | None]] = {}
    for row, (shard, file) in enumerate(files):
        where, text = f"{shard.path}: {file.name!r}", _text(shard, file)
        with reading(where, "JSON", hint='an object: {"colour": "red"}'):
            record = json.loads(text) if text else {}
        if not isinstance(record, dict):
            raise UsageError(f"{where}: is no object", hint='write {"label": ...}')
        for name, value in record.items():
            column = columns.setdefault(name, [None] * row)
            if isinstance(value, list | dict) and not lists_texts(value):
                unread[name] = NESTED
            column.append(cell_of(value))
        for column in columns.values():
            if len(column) <= row:
                column.append(None)
    return columns


def _classes(cells: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(str(number) for number in sorted({int(cell) for cell in cells if cell is not None}))


def _word(path: Path, place: Path) -> str:
    """Return the word that a shard's name begins with, or the folder's that it lies in.

    >>> _word(Path("d/train-0001.tar"), Path("d")), _word(Path("d/test/0001.tar"), Path("d"))
    ('train', 'test')
    """
    named = path.parent.name if path.parent not in (place, place.parent) else path.name
    found = re.match(r"[A-Za-z]+", named)
    return found[0].casefold() if found else ""
