"""Which pictures a command line names: files, folders, patterns, and tables with a column of paths."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..core.base.errors import UsageError, suggest
from ..core.base.files import reading
from ..core.data.table_paths import PictureFolder, picture_paths
from ..core.data.tables import ENDINGS, PICTURES, Table, find_table, names_pictures, read_table

USUAL = "file_name"
"""The column of paths where several could be."""


@dataclass(frozen=True)
class NamedImage:
    """A picture: as it is called in answers, where it is, and how it is read where a table holds it."""

    name: str
    path: Path
    held: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class Naming:
    """How tables name pictures: the column (empty: the one that holds paths), their folder (None: the
    table's), and what the paths lack at their end."""

    column: str = ""
    root: Path | None = None
    ending: str = ""


def named_images(places: Sequence[Path], naming: Naming) -> list[NamedImage]:
    """Return the pictures that files, folders, patterns and tables name, in that order.

    A folder stands for the picture files in it and below, in the order of their names, hidden ones left out;
    a pattern (`photos/*.png`, where the shell left it) for the files that match. Raises `UsageError` when one
    names nothing, or cannot be looked through.
    """
    found: list[NamedImage] = []
    for place in places:
        # What is looked through may change, and a name may be none that a file can have.
        with reading(place, "a place of pictures", hint="name a file, a folder, a pattern or a table"):
            found += _of_place(place, naming)
    return found


def _of_place(place: Path, naming: Naming) -> Iterator[NamedImage]:
    if place.suffix.casefold() in ENDINGS:
        yield from _of_table(place, naming)
    elif place.is_dir():
        files = sorted(path for path in place.rglob("*") if _is_picture(path, place))
        if not files:
            raise UsageError(f"{place}: holds no pictures", hint=f"files end in {', '.join(PICTURES)}")
        yield from (NamedImage(str(path), path) for path in files)
    elif glob.has_magic(str(place)) and not place.exists():
        matching = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207 - absolute patterns too
        if not matching:
            raise UsageError(f"{place}: no file matches", hint="name files, a folder, or another pattern")
        yield from (NamedImage(name, Path(name)) for name in matching)
    else:
        yield NamedImage(str(place), place)


def _is_picture(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.casefold() in PICTURES and not hidden and path.is_file()


def _of_table(place: Path, naming: Naming) -> Iterator[NamedImage]:
    return images_of(read_table(find_table(place)), place, naming)


def images_of(table: Table, place: Path, naming: Naming) -> Iterator[NamedImage]:
    """Yield the pictures that the rows of a table name; `place` is what the command line calls it."""
    names = list(table.embedded)
    names = names or [name for name, cells in table.columns.items() if names_pictures(cells)]
    name = naming.column or (USUAL if USUAL in table.columns else names[0] if len(names) == 1 else "")
    if name not in table.columns:
        wrong = f"no column {name!r}" if name else f"{len(names) or 'no'} columns that hold paths of pictures"
        known = list(table.columns)
        hint = (
            suggest(name, known, "columns") if name else f"say which does: --column NAME ({', '.join(known)})"
        )
        raise UsageError(f"{place}: has {wrong}", hint=hint)
    folder = PictureFolder((naming.root or place.parent).absolute(), naming.ending, "--")
    cells = table.columns[name]
    if name in table.embedded:
        for row, cell in enumerate(cells):
            # Saved answers are called after it.
            path = place.with_name(f"{place.stem}-row-{row + 1}")
            yield NamedImage(f"{place}: {cell}", path, partial(table.embedded[name], row))
        return
    for cell, path in zip(cells, picture_paths(table, cells, folder), strict=True):
        yield NamedImage(str(cell), path)
