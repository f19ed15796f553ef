"""A table of pictures: a row for each, with the path of its file and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.contracts import Columns, Dataset
from ...core.errors import UsageError
from ...core.files import reading
from ...core.places import from_root
from ...core.specs import DatasetSpec, ImageSpec
from ...core.table_paths import PictureFolder, picture_paths
from ...core.table_text import HINT
from ...core.tables import find_table, read_table
from .image_files import image_file, read_images
from .table_checks import refuse_contradictions, refuse_untaught
from .table_columns import ColumnOption, TableColumns, understand
from .table_parts import PARTS
from .table_pictures import contents, picture_form, refuse_leaks
from .table_splits import TableParts
from .table_tasks import tasks_of

_Side = Annotated[int, Field(ge=1, le=4096)]
_CLASS_FOLDERS = "for a folder per class: --dataset image-folder --data-dir FOLDER"
_Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class PictureTable(Dataset):
    """A CSV, TSV or JSON lines file with a row per picture: a column of paths, and columns to be told.

    Columns are understood by their names and values; `columns` says it where that goes wrong. Holes are
    absent labels. Each label column is a task, named after it. Rows are parted by a column of parts; what is
    missing is carved from the training rows by a seed, classes and holes evenly, rows of a group and equal
    pictures together.
    """

    def __init__(
        self,
        *,
        file: Annotated[
            Path | None, Field(description="The table, or a folder with its metadata.csv, .tsv or .jsonl.")
        ] = None,
        root: Annotated[
            Path | None, Field(description="Folder that paths start from; none: the table's.")
        ] = None,
        ending: Annotated[str, Field(description="What paths lack at their end, such as .png.")] = "",
        encoding: Annotated[str, Field(description="Encoding of the table's text.")] = "utf-8",
        decimal: Annotated[Literal[".", ","], Field(description="What parts the decimals of numbers.")] = ".",
        columns: Annotated[
            dict[str, ColumnOption],
            Field(
                description="What columns are: path, class, yes-no, number, group, split or ignore, or a "
                "mapping with type, classes, yes, units and absent (more cells that mean no label)."
            ),
        ] = {},  # noqa: B006 - never changed
        absent: Annotated[
            tuple[str, ...], Field(description="Cells that mean no label, like empty ones; in any case.")
        ] = ("nan", "null", "?"),
        size: Annotated[
            _Side | tuple[_Side, _Side] | None,
            Field(
                description="Pictures are scaled to this side, or (height, width), in pixels; none: their "
                "own size where it is common and at most 64, else 64."
            ),
        ] = None,
        channels: Annotated[
            Literal[1, 3] | None,
            Field(description="1: grey; 3: red, green, blue; none: 1 where all pictures are grey."),
        ] = None,
        test: Annotated[
            _Share, Field(description="Share of all rows for testing, where no column says which.")
        ] = 0.2,
        validation: Annotated[
            _Share, Field(description="Share of all rows for validation, where no column says which.")
        ] = 0.1,
        split_seed: Annotated[int, Field(ge=0, description="Seed of the parts that are carved.")] = 0,
        allow_duplicates: Annotated[
            bool, Field(description="Go on when a picture is in two parts of the data.")
        ] = False,
        skip_broken: Annotated[
            bool, Field(description="Leave out pictures that cannot be read; they are told.")
        ] = False,
    ) -> None:
        self.file = None if file is None else from_root(Path(file))
        self.root = None if root is None else from_root(Path(root))
        self.ending = ending
        self.encoding = encoding
        self.decimal = decimal
        self.columns = columns
        self.absent = absent
        self.size = (size, size) if isinstance(size, int) else size
        self.channels = channels
        self.parts = TableParts(test, validation, split_seed)
        self.allow_duplicates = allow_duplicates
        self.skip_broken = skip_broken
        self._left_out: tuple[str, ...] = ()

    def spec(self) -> DatasetSpec:
        image, _ = self._form
        return DatasetSpec(image, {name: label.spec for name, label in self._columns.labels.items()})

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return tasks_of(self._columns.labels)

    def understood(self) -> Sequence[str]:
        columns, (_, form) = self._columns, self._form
        head = f"{columns.table.path.name}: {len(columns.table):,} rows, pictures of {form}"
        return [head, *columns.said, *self.parts.described(columns)]

    def remarks(self) -> Sequence[str]:
        return self._left_out

    def sources(self) -> Sequence[Path] | None:
        # What is left out is told by reading it: a cache would be silent.
        if self.file is None or self.skip_broken:
            return None
        code = sorted(Path(__file__).parent.glob("table_*.py"))
        return [self._columns.table.path, *code, *dict.fromkeys(self._paths)]

    def load(self) -> Mapping[str, Columns]:
        columns, paths = self._columns, self._paths
        pixels, rows = self._read(paths)
        content = contents(pixels)
        named = [str(paths[row]) for row in rows.tolist()]
        parts = self.parts.part(columns, rows, [named, content])
        if not self.allow_duplicates:
            refuse_leaks(named, content, parts)
        refuse_untaught(columns, rows, parts)
        splits = {}
        for number, part in enumerate(PARTS):
            chosen = np.flatnonzero(parts == number)
            if len(chosen):
                labels = {name: label.values[rows[chosen]] for name, label in columns.labels.items()}
                splits[part] = Columns(pixels[chosen], labels)
        return splits

    @cached_property
    def _columns(self) -> TableColumns:
        if self.file is None:
            raise UsageError("the data set needs a table", hint="pass it with --data FILE")
        with reading(self.file, "a table", hint="give read access to it"):
            exists = self.file.exists()
        if not exists:
            raise UsageError(f"{self.file}: there is no such file", hint=f"--data names {HINT}")
        table = read_table(find_table(self.file, otherwise=_CLASS_FOLDERS), self.encoding)
        return understand(table, self.columns, self.absent, self.decimal)

    @cached_property
    def _paths(self) -> list[Path]:
        columns = self._columns
        folder = PictureFolder(self.root or columns.table.path.parent, self.ending)
        paths = picture_paths(columns.table, columns.cells[columns.path], folder)
        refuse_contradictions(columns, paths)
        return paths

    @cached_property
    def _form(self) -> tuple[ImageSpec, str]:
        return picture_form(self._paths, self.size, self.channels)

    def _read(self, paths: Sequence[Path]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the pictures that can be read, and their rows; others are refused all at once, or told."""
        broken: dict[int, str] = {}
        pixels = read_images([image_file(path) for path in paths], self._form[0], resize=True, broken=broken)
        rows = np.array([row for row in range(len(paths)) if row not in broken], dtype=np.int64)
        if not broken:
            return pixels, rows
        shown = [broken[row] for row in sorted(broken)[:3]]
        told = f"{len(broken):,} of {len(paths):,} pictures cannot be read: {'; '.join(shown)}"
        told += "; ..." if len(broken) > 3 else ""
        if not self.skip_broken:
            raise UsageError(told, hint="mend them, or leave them out: --set dataset.skip_broken=true")
        self._left_out = (f"left out: {told}",)
        return pixels[rows], rows
