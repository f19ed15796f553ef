"""Data sets of Hugging Face's `datasets`: those in folders and those downloaded before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.data.table_paths import PictureFolder
from ...core.data.tables import Table, table_of_arrow
from .hf_source import FoundSplits, find_cached, find_splits
from .picture_options import PreparationOption
from .table import PictureTable
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
from .table_parts import PARTS, part_of

PART_COLUMN = "split"
"""The column that says which part of the data set a row is from."""

_Part = Literal["train", "validation", "test"]


class HuggingFace(PictureTable):
    """A data set of Hugging Face's `datasets` on this machine: a row per picture, and columns to be told.

    It is read as a table is, with what its features say: a `ClassLabel` is a class, an `Image` the picture, a
    `Value` what it holds. Its splits are the parts. Nothing is downloaded, and no code of a data set is run.
    """

    def __init__(
        self,
        *,
        file: Annotated[
            Path | None, Field(description="Folder of Parquet, Arrow or picture files, or of save_to_disk.")
        ] = None,
        cached: Annotated[
            str, Field(description="Name of a data set that was downloaded before, such as ylecun/mnist.")
        ] = "",
        config: Annotated[str, Field(description="Its configuration, where there are several.")] = "",
        splits: Annotated[
            dict[str, _Part],
            Field(description="Which part a split is, where its name does not say it; others are left out."),
        ] = {},  # noqa: B006 - never changed
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
        super().__init__(
            file=file,
            columns=columns,
            absent=absent,
            size=size,
            channels=channels,
            preparation=preparation,
            test=test,
            validation=validation,
            split_seed=split_seed,
            allow_duplicates=allow_duplicates,
            skip_broken=skip_broken,
            inputs=inputs,
            targets=targets,
        )
        self.cached = cached
        self.config = config
        self.splits = splits

    @cached_property
    def _found(self) -> FoundSplits:
        if self.cached and self.file is not None:
            raise UsageError("hf: file and cached are two data sets", hint="leave one of them out")
        if self.cached:
            return find_cached(self.cached, self.config)
        if self.file is None:
            hint = "pass a folder with --data FOLDER, or a name with --set dataset.cached=NAME"
            raise UsageError("the data set needs files", hint=hint)
        with reading(self.file, "a data set", hint="give read access to it"):
            exists = self.file.exists()
        if not exists:
            hint = "one that was downloaded before is read by its name: --set dataset.cached=NAME"
            raise UsageError(f"{self.file}: there is no such file or folder", hint=hint)
        return find_splits(self.file, self.config)

    @cached_property
    def _parts_of_splits(self) -> Mapping[str, str | None]:
        """The part that each split is, None for those that are left out."""
        for name in self.splits:
            if name not in self._found.parts:
                known = ", ".join(self._found.parts)
                raise UsageError(
                    f"there is no split {name!r}",
                    hint=f"splits: {known}",
                    at=("dataset", "splits", name),
                )
        parts: dict[str, str | None] = {}
        for name in self._found.parts:
            part = part_of(name)
            parts[name] = self.splits.get(name) or (None if part is None else PARTS[part])
        if len(parts) == 1 and not self.splits:
            return dict.fromkeys(parts, PARTS[0])
        return parts

    def _is_given(self) -> bool:
        return self.file is not None or bool(self.cached)

    def _table(self) -> Table:
        import pyarrow as pa

        named = {name: part for name, part in self._parts_of_splits.items() if part is not None}
        if not named:
            hint = f"say which is for training: --set dataset.splits.{next(iter(self._found.parts))}=train"
            raise UsageError(f"no split of {', '.join(self._found.parts)} says what it is for", hint=hint)
        tables = []
        for name, part in named.items():
            arrow = self._found.arrow(name)
            if PART_COLUMN in arrow.column_names and len(named) > 1:
                arrow = arrow.drop_columns([PART_COLUMN])
            if len(named) > 1:
                arrow = arrow.append_column(PART_COLUMN, pa.array([part] * arrow.num_rows))
            tables.append(arrow)
        place = Path(self.cached) if self.file is None else self.file
        with reading(
            place, "a data set", hint="its splits have different columns: dataset.splits names some"
        ):
            joined = pa.concat_tables(tables, promote_options="default")
        return table_of_arrow(joined, place)

    def understood(self) -> Sequence[str]:
        left = [name for name, part in self._parts_of_splits.items() if part is None]
        more = [f"left out: split {name!r} (dataset.splits says what it is)" for name in left]
        return [*super().understood(), *more]

    def _files_of_table(self) -> Sequence[Path]:
        return self._found.files

    def _folder(self) -> PictureFolder:
        from datasets import config

        # What the package downloaded lies in its cache; a folder's pictures lie in the folder.
        return PictureFolder(Path(config.HF_CACHE_HOME) if self.file is None else self.file)
