"""A table of pictures: a row for each, with the path of its file and its labels."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.base.places import from_root
from ...core.contracts import Columns, Dataset, InMemory, Preparation, Storage, no_images
from ...core.contracts.specs import NO_IMAGE, DatasetSpec
from ...core.data.shards import find_shards, read_shards, refuse_idle
from ...core.data.staged import Stage
from ...core.data.table_paths import PictureFolder
from ...core.data.table_text import HINT
from ...core.data.tables import Table, find_table, read_table
from .glance import glance_at
from .image_files import ImageFile
from .picture_options import PreparationOption, stated_of
from .placing import moved, places_of
from .table_checks import refuse_contradictions, refuse_untaught
from .table_columns import Seen, TableColumns, understand
from .table_inputs import divided
from .table_labels import Cells
from .table_maps import MapColumn, look_at_files, map_files, map_paths
from .table_options import (
    ABSENT,
    AbsentOption,
    AllowDuplicatesOption,
    ChannelsOption,
    ColumnsOption,
    InputsOption,
    SizeOption,
    SkipBrokenOption,
    SplitSeedOption,
    TargetsOption,
    TestOption,
    ValidationOption,
)
from .table_parts import PARTS
from .table_pictures import (
    TablePictures,
    all_sizes,
    content_of,
    picture_form,
    pictures_of,
    read_staged,
    refuse_leaks,
    sizes_of,
)
from .table_planes import MapLabel, map_filling
from .table_points import PointLabel, symmetries_of
from .table_splits import TableParts
from .table_tasks import balancer_of, task_names, tasks_of

_CLASS_FOLDERS = (
    "for folders of classes, FOLDER/train/CLASS/ and FOLDER/test/CLASS/: "
    "--dataset image-folder --data-dir FOLDER --tasks classify"
)


class PictureTable(Dataset):
    """A CSV, TSV, JSON lines, Parquet or Arrow file with a row per picture: its path or itself, and labels.

    Columns are understood by their names and values; `columns` says it where that goes wrong. A second
    column of paths is one of masks or maps where its files are. Holes are absent labels. Each label column
    is a task, named after it. Rows are parted by a column of parts; what is missing is carved from the
    training rows by a seed, classes and holes evenly, rows of a group and equal pictures together.
    """

    unsifted = True

    def __init__(
        self,
        *,
        file: Annotated[
            Path | None,
            Field(
                description="The table, or a folder with its metadata.csv, .jsonl or .parquet; or tar shards."
            ),
        ] = None,
        root: Annotated[
            Path | None, Field(description="Folder that paths start from; none: the table's.")
        ] = None,
        ending: Annotated[str, Field(description="What paths lack at their end, such as .png.")] = "",
        encoding: Annotated[str, Field(description="Encoding of the table's text.")] = "utf-8",
        decimal: Annotated[Literal[".", ","], Field(description="What parts the decimals of numbers.")] = ".",
        columns: ColumnsOption = {},  # noqa: B006 - never changed
        absent: AbsentOption = ABSENT,
        size: SizeOption = None,
        channels: ChannelsOption = None,
        preparation: PreparationOption = {},  # noqa: B006 - never changed
        test: TestOption = 0.2,
        validation: ValidationOption = 0.1,
        split_seed: SplitSeedOption = 0,
        allow_duplicates: AllowDuplicatesOption = False,
        skip_broken: SkipBrokenOption = False,
        inputs: InputsOption = None,
        targets: TargetsOption = None,
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
        self.stated = preparation
        self.parts = TableParts(test, validation, split_seed)
        self.allow_duplicates = allow_duplicates
        self.skip_broken = skip_broken
        self.inputs = inputs
        self.targets = targets
        self._remarks: tuple[str, ...] = ()

    def spec(self) -> DatasetSpec:
        columns = self._columns
        labels = {name: label.spec for name, label in columns.told.items()}
        image = self._form[0].image if columns.path else NO_IMAGE
        inputs = () if columns.vector is None else (columns.vector,)
        return DatasetSpec(image, labels, symmetries_of(labels), inputs=inputs)

    def preparation(self) -> Preparation | None:
        return self._form[0] if self._understood.path else None

    def prepared_as(self, preparation: Preparation) -> PictureTable:
        found = copy(self)
        for name in ("_form", "_columns"):
            vars(found).pop(name, None)
        found.size = (preparation.image.height, preparation.image.width)
        found.channels = 1 if preparation.image.channels == 1 else 3
        found.stated = stated_of(preparation)
        return found

    def picture_sizes(self) -> Sequence[tuple[int, int]]:
        if not self._understood.path:
            return ()
        return sizes_of(self._pictures.files, upright=self._form[0].orientation == "exif")

    def encoder(self) -> str | None:
        columns = self._understood
        return None if columns.vector is None else "late-fusion" if columns.path else "mlp"

    def aimed(self, tasks: Sequence[str]) -> Mapping[str, Any]:
        if self.targets is not None or self._undivided.path:
            return {}
        names = task_names(self._undivided.labels)
        told = [column for column, name in names.items() if name in tasks or column in tasks]
        usual = [column for column in names if column not in (self.inputs or ())][-1:]
        # What is told anyway is not said: a recipe without tasks, once written, names them.
        return {"targets": told} if told and told != usual else {}

    def succeed(self, other: Self) -> Self:
        self._read_table = other._read_table
        return self

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return tasks_of(self._columns.told)

    def balancer(self, tasks: Sequence[str]) -> Mapping[str, Any]:
        labels = self._columns.labels
        return balancer_of({name: labels[column].spec for column, name in task_names(labels).items()}, tasks)

    def understood(self) -> Sequence[str]:
        columns = self._columns
        head = f"{columns.table.path.name}: {len(columns.table):,} rows"
        if columns.path:
            head += f", pictures of {self._form[1]}"
        else:
            why = "the last column that can be" if self.targets is None else "as tasks or dataset.targets say"
            head += f" without pictures; told: {', '.join(columns.told)} ({why}), from the inputs below"
        return [head, *columns.said, *self.parts.described(columns)]

    def glance(self) -> Sequence[str]:
        if not self._understood.path:
            return ()
        found = glance_at(self._pictures.files, self._form[0])
        left_out = self._told(found.broken, found.opened, "looked at ") if found.broken else ()
        return [str(found), *left_out]

    def in_shards(self) -> bool:
        return bool(self._understood.path) and self._read_table.shards is not None

    def remarks(self) -> Sequence[str]:
        return self._remarks

    def sources(self) -> Sequence[Path] | None:
        if not self._is_given():
            return None
        own = Path(inspect.getfile(type(self))).stem
        code = sorted(Path(__file__).parent.glob("table_*.py")) + sorted(
            Path(__file__).parent.glob(f"{own}_*.py")
        )
        maps = [path for paths in self._map_paths.values() for path in paths if path is not None]
        pictures = self._pictures.paths if self._understood.path else ()
        return [*self._files_of_table(), *code, *dict.fromkeys([*pictures, *maps])]

    def load(self) -> Mapping[str, Columns]:
        return {part: columns.alone() for part, columns in self.load_into(InMemory()).items()}

    def load_into(self, storage: Storage) -> Mapping[str, Columns]:
        if not self._columns.path:
            return self._load_rows(self._columns)
        files = self._pictures.files
        columns, outside = self._placed(self._columns)
        pixels, rows, content = self._read(files, storage)
        self._remarks += outside
        named = [files[row].name for row in rows.tolist()]
        # What is in files tells nothing of which rows are alike.
        parts = self.parts.part(self._understood, rows, [named, content])
        if not self.allow_duplicates:
            refuse_leaks(named, content, parts)
        refuse_untaught(self._understood, rows, parts)
        maps = self._maps(columns.planes, len(files), storage)
        splits = {}
        for number, part in enumerate(PARTS):
            chosen = rows[parts == number]
            if len(chosen):
                shards = self._read_table.shards
                own = None if shards is None else shards[chosen]
                splits[part] = Columns(pixels, columns.of(chosen), chosen, maps, own)
        return splits

    def _maps(
        self, planes: Mapping[str, MapLabel], count: int, storage: Storage
    ) -> Mapping[str, NDArray[Any]]:
        """Return the masks and maps of all rows, read again into their storage."""
        from ...core.data.pictures import silently

        if not planes:
            return {}
        with silently():
            kinds = {name: label.kind for name, label in planes.items()}
            return storage.columns(count, kinds, map_filling(planes))

    def _load_rows(self, columns: TableColumns) -> Mapping[str, Columns]:
        rows = np.arange(len(columns.table))
        parts = self.parts.part(columns, rows, [])
        refuse_untaught(columns, rows, parts)
        chosen = {part: rows[parts == number] for number, part in enumerate(PARTS)}
        return {
            part: Columns(no_images(len(some)), columns.of(some))
            for part, some in chosen.items()
            if len(some)
        }

    def _is_given(self) -> bool:
        """Return whether it is said where the table is."""
        return self.file is not None

    def _table(self) -> Table:
        """Return the table as it stands in its file."""
        place = self._place()
        if shards := find_shards(place):
            refuse_idle(place, len(shards))
            return read_shards(place, shards)
        return read_table(find_table(place, otherwise=_CLASS_FOLDERS), self.encoding)

    def _files_of_table(self) -> Sequence[Path]:
        """Return the files that the table itself is in."""
        return self._read_table.files or [self._read_table.path]

    def _folder(self) -> PictureFolder:
        """Return where paths start from."""
        return PictureFolder(self.root or self._read_table.path.parent, self.ending)

    def _place(self) -> Path:
        """Return where the table is; raise `UsageError` when that is not said, or nowhere."""
        if self.file is None:
            raise UsageError("the data set needs a table", hint="pass it with --data FILE")
        with reading(self.file, "a table", hint="give read access to it"):
            exists = self.file.exists()
        if not exists:
            raise UsageError(
                f"{self.file}: there is no such file",
                hint=f"name {HINT}: --data FILE",
                at=("dataset", "file"),
            )
        return self.file

    @cached_property
    def _read_table(self) -> Table:
        return self._table()

    @cached_property
    def _understood(self) -> TableColumns:
        """The columns as far as the table tells: masks and maps are still to be read."""
        return divided(self._undivided, self.inputs, self.targets, self.columns)

    @cached_property
    def _undivided(self) -> TableColumns:
        """The columns before it is said which of them are inputs."""
        alone = (*(self.inputs or ()), *(self.targets or ()))
        return understand(self._read_table, self.columns, self.absent, self.decimal, self._look, alone)

    @cached_property
    def _columns(self) -> TableColumns:
        """The columns, with the labels that files hold."""
        columns = self._understood
        planes = {}
        for name, stated in columns.maps.items():
            column = MapColumn(name, map_files(columns.table, self._map_paths[name]), stated)
            planes[name] = column.read(stated["type"], self._pictures.files, self._form[0])
        return replace(columns, planes=planes)

    def _placed(self, columns: TableColumns) -> tuple[TableColumns, tuple[str, ...]]:
        """Return the columns with points where the pictures have them, and what is remarked of these."""
        labels, said = dict(columns.labels), tuple[str, ...]()
        preparation = self._form[0]
        for name, label in columns.labels.items():
            if isinstance(label, PointLabel):
                sizes = all_sizes(self._pictures.files, upright=preparation.orientation == "exif")
                found, told = label.relative(sizes)
                # What cannot be read is no picture, and has no points.
                places = places_of([size or (1, 1) for size in sizes], preparation)
                labels[name] = replace(found, values=moved(found.values, places))
                said += told
        return replace(columns, labels=labels), said

    @cached_property
    def _map_paths(self) -> Mapping[str, list[Path | None]]:
        columns = self._understood
        return {
            name: map_paths(columns.table, name, columns.cells[name], self._folder()) for name in columns.maps
        }

    def _look(self, files: Cells, pictures: Cells | None) -> Seen:
        return look_at_files(self._folder(), files, pictures)

    @cached_property
    def _pictures(self) -> TablePictures:
        columns = self._understood
        pictures = pictures_of(columns, self._folder())
        refuse_contradictions(columns, [file.name for file in pictures.files])
        return pictures

    @cached_property
    def _form(self) -> tuple[Preparation, str]:
        return picture_form(self._pictures.files, self.size, self.channels, self.stated)

    def _read(
        self, files: Sequence[ImageFile], storage: Storage
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[bytes]]:
        """Return all pictures, the rows of those that can be read, and their contents' digests.

        Pictures that cannot be read are refused all at once, or told.
        """
        broken: dict[int, str] = {}
        contents: dict[int, bytes] = {}

        def look(row: int, picture: NDArray[np.uint8]) -> None:
            contents[row] = content_of(picture)

        table, preparation = self._read_table, self._form[0]
        stage = None if table.shards is None else Stage.of(table.files, table.shards, preparation)
        pixels = read_staged(files, preparation, storage, stage, broken, look)
        rows = [row for row in range(len(files)) if row not in broken]
        self._remarks = self._told(broken, len(files)) if broken else ()
        return pixels, np.array(rows, dtype=np.int64), [contents[row] for row in rows]

    def _told(self, broken: Mapping[int, str], count: int, which: str = "") -> tuple[str, ...]:
        """Return what is remarked of pictures that cannot be read; raise where none may be left out."""
        shown = [broken[row] for row in sorted(broken)[:3]]
        told = f"{len(broken):,} of {count:,} pictures {which}cannot be read: {'; '.join(shown)}"
        told += "; ..." if len(broken) > 3 else ""
        if not self.skip_broken:
            raise UsageError(told, hint="mend them, or leave them out: --set dataset.skip_broken=true")
        return (f"left out: {told}",)
