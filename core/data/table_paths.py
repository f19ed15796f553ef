"""The picture files that a column of a table names: all below one folder, all there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..base.errors import UsageError
from ..base.files import reading
from .tables import PICTURES, Table


@dataclass(frozen=True)
class PictureFolder:
    """Where a table's paths lead: from `root`, and with `ending` where names lack theirs.

    `flag` is how a user says the one and the other, for hints.
    """

    root: Path
    ending: str = ""
    flag: str = "--set dataset."

    def place(self, cell: str) -> Path:
        """Return where a path leads; a backslash parts folders where nothing else is meant."""
        path = self.root / (cell + self.ending)
        if "\\" in cell and not os.path.exists(path):  # noqa: PTH110 - never raises
            path = self.root / (cell.replace("\\", "/") + self.ending)
        return Path(os.path.normpath(path))

    def holds(self, cell: str) -> bool:
        """Return whether a path leads to a file."""
        return "\0" not in cell and os.path.isfile(self.place(cell))  # noqa: PTH113 - never raises


def picture_paths(
    table: Table, cells: Sequence[str | None], folder: PictureFolder, column: str = ""
) -> list[Path]:
    """Return the file of every row; a `column` beside that of the pictures is named in messages.

    Raises `UsageError`, with the first lines, for rows without a path, for paths and links that lead out of
    the folder, and for files that are not there.
    """
    if not os.path.isdir(folder.root):  # noqa: PTH112 - never raises
        raise UsageError(f"{folder.root}: there is no such folder", hint="paths of pictures start from it")
    known = [cell or "" for cell in cells]
    places = [folder.place(cell.replace("\0", "")) for cell in known]

    def refuse(wrong: Callable[[int], bool], problem: str, hint: Callable[[str], str]) -> None:
        rows = [row for row in range(len(known)) if wrong(row)]
        if rows:
            shown = ", ".join(f"{known[row]!r:.80} ({table.listed([row])})" for row in rows[:3])
            more = ", ..." if len(rows) > 3 else ""
            count = f"{len(rows):,} of {len(known):,} rows"
            place = f"{table.path}: column {column!r}" if column else str(table.path)
            at = ("dataset", "columns", column) if column else ("dataset", "root")
            raise UsageError(f"{place}: {count} {problem}: {shown}{more}", hint=hint(known[rows[0]]), at=at)

    root, inside = folder.root, _keeper(folder.root)
    elsewhere = f"pictures are read below one folder; {folder.flag}root=FOLDER names another"
    refuse(lambda row: not known[row], "name no picture", lambda _: "leave them out of the table")
    refuse(lambda row: not _is_below(places[row], root), f"lead out of {root}", lambda _: elsewhere)
    refuse(
        lambda row: not folder.holds(known[row]),
        f"name pictures that are not in {root}",
        lambda cell: _where_else(cell, folder),
    )
    refuse(lambda row: not inside(places[row]), f"are links that lead out of {root}", lambda _: elsewhere)
    return places


def _is_below(place: Path, root: Path) -> bool:
    return place.is_relative_to(root) and place != root


def _keeper(root: Path) -> Callable[[Path], bool]:
    """Return what tells whether a file is below `root` once links are followed."""
    real = os.path.realpath(root)

    @cache
    def is_inside(folder: str) -> bool:
        return Path(os.path.realpath(folder)).is_relative_to(real)

    def keeps(place: Path) -> bool:
        if place.is_symlink():
            return is_inside(str(place))
        return is_inside(str(place.parent))

    return keeps


def _where_else(cell: str, folder: PictureFolder) -> str:
    """Say where the first missing picture is, if it is anywhere near."""
    for ending in PICTURES:
        if PictureFolder(folder.root, ending).holds(cell):
            return f"their names lack an ending: {folder.flag}ending={ending}"
    with reading(folder.root, "a folder of pictures", hint="give read access to it"):
        near = [Path.cwd(), *(path for path in sorted(folder.root.iterdir())[:100] if path.is_dir())]
    for root in near:
        for ending in (folder.ending, *PICTURES):
            if PictureFolder(root, ending).holds(cell):
                more = "" if ending == folder.ending else f" {folder.flag}ending={ending}"
                return f"they are in {root}: {folder.flag}root={root}{more}"
    return f"paths start from the table's folder; {folder.flag}root=FOLDER names another"
