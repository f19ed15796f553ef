"""Folders of masks and maps beside a folder of pictures, files of one name belonging together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.data.table_paths import PictureFolder
from ...core.data.tables import ARRAYS, PICTURES, Table
from .class_folders import natural
from .picture_options import PreparationOption
from .table import PictureTable
from .table_columns import USUAL_PATHS
from .table_options import (
    AllowDuplicatesOption,
    ChannelsOption,
    ColumnsOption,
    SizeOption,
    SkipBrokenOption,
    SplitSeedOption,
    TestOption,
    ValidationOption,
)
from .table_parts import part_of

_SPLIT = "split"
"""The column that says which part of the data a picture is in."""


class MaskFolders(PictureTable):
    """A folder with a folder of pictures and, beside it, one for each kind of mask or map of them.

    `images/a.jpg` belongs to `masks/a.png`: files of one name, whatever they end in. A picture that a folder
    has nothing for has no such label. Below `train`, `val` and `test` (`train/images/a.jpg`, or
    `images/train/a.jpg`) they are those parts; else parts are carved. The folders are columns, and are told
    and stated as those of a table.
    """

    def __init__(
        self,
        *,
        data_dir: Annotated[Path | None, Field(description="Folder that holds the folders.")] = None,
        columns: ColumnsOption = {},  # noqa: B006 - never changed
        size: SizeOption = None,
        channels: ChannelsOption = None,
        preparation: PreparationOption = {},  # noqa: B006 - never changed
        test: TestOption = 0.2,
        validation: ValidationOption = 0.1,
        split_seed: SplitSeedOption = 0,
        allow_duplicates: AllowDuplicatesOption = False,
        skip_broken: SkipBrokenOption = False,
    ) -> None:
        super().__init__(
            file=data_dir,
            columns=columns,
            size=size,
            channels=channels,
            preparation=preparation,
            test=test,
            validation=validation,
            split_seed=split_seed,
            allow_duplicates=allow_duplicates,
            skip_broken=skip_broken,
        )

    def _table(self) -> Table:
        if self.file is None:
            raise UsageError("the data set needs a folder", hint="pass it with --data-dir FOLDER")
        with reading(
            self.file, "a folder", hint="give read access to it, or name another: --data-dir FOLDER"
        ):
            found = dict(_files(self.file))
        kinds = list(dict.fromkeys(kind for kind, _, _ in found))
        usual = next((kind for kind in kinds if kind.casefold() in USUAL_PATHS), None)
        if len(kinds) < 2:
            raise UsageError(
                f"{self.file}: holds {len(kinds) or 'no'} folder of pictures; a folder of pictures and one "
                "of masks or maps are needed",
                hint="for example images/ and masks/, with files of the same names",
            )
        # Every picture is a row; where no name tells which folder holds them, its files will.
        rows = list(dict.fromkeys((part, stem) for kind, part, stem in found if usual in (None, kind)))
        rows.sort(key=lambda row: (row[0] or "", natural(row[1])))
        columns: dict[str, list[str | None]] = {
            kind: [found.get((kind, *row)) for row in rows] for kind in kinds
        }
        if any(part is not None for part, _ in rows):
            columns[_SPLIT] = [part for part, _ in rows]
        return Table(self.file, columns, range(1, len(rows) + 1), counted="picture")

    def _files_of_table(self) -> Sequence[Path]:
        return ()

    def _folder(self) -> PictureFolder:
        assert self.file is not None
        return PictureFolder(self.file)


def _files(root: Path) -> Iterator[tuple[tuple[str, str | None, str], str]]:
    """Yield every picture file: the kind of its folder, its part, its stem; then its path from `root`."""
    for outer in _folders(root):
        inner = _folders(outer)
        if not inner:
            yield from _in_folder(root, outer, outer.name, None)
        for folder in inner:
            if part_of(outer.name) is not None:
                yield from _in_folder(root, folder, folder.name, outer.name)
            elif part_of(folder.name) is not None:
                yield from _in_folder(root, folder, outer.name, folder.name)


def _in_folder(
    root: Path, folder: Path, kind: str, part: str | None
) -> Iterator[tuple[tuple[str, str | None, str], str]]:
    for path in sorted(folder.iterdir()):
        if path.name.casefold().endswith((*PICTURES, *ARRAYS)) and not path.name.startswith("."):
            yield (kind, part, path.stem), path.relative_to(root).as_posix()


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
