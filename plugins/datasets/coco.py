"""Pictures with COCO annotations: categories, the points of the largest object, and masks."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ...core.data.tables import Table
from .coco_labels import CocoFile, read_coco
from .coco_masks import MASKS
from .picture_options import PreparationOption
from .table import PictureTable
from .table_columns import TableColumns
from .table_options import (
    AllowDuplicatesOption,
    ChannelsOption,
    SizeOption,
    SkipBrokenOption,
    SplitSeedOption,
    TestOption,
    ValidationOption,
)

_FILE = "file_name"


class Coco(PictureTable):
    """Pictures that a JSON file of COCO annotations names, as those of a table.

    Labels: `categories`, which of them a picture shows, where there are two or more; `points`, the
    keypoints of the largest object that has any, relative to its picture; and `masks`, the category of every
    pixel, from polygons and run lengths. Points that are not annotated are invisible, and a picture without
    any has no such label. A mirror exchanges points whose names say left and right. Of an object with a box
    alone it is not known which pixels of the box are its own.
    """

    def __init__(
        self,
        *,
        file: Annotated[Path | None, Field(description="The JSON file of annotations.")] = None,
        root: Annotated[Path | None, Field(description="Folder of the pictures; none: the file's.")] = None,
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
            file=file,
            root=root,
            size=size,
            channels=channels,
            preparation=preparation,
            test=test,
            validation=validation,
            split_seed=split_seed,
            allow_duplicates=allow_duplicates,
            skip_broken=skip_broken,
        )

    @cached_property
    def _coco(self) -> CocoFile:
        return read_coco(self._place())

    def _table(self) -> Table:
        names = self._coco.names
        columns: dict[str, list[str | None]] = {_FILE: [*names]}
        return Table(self._place(), columns, range(1, len(names) + 1), counted="picture")

    @cached_property
    def _columns(self) -> TableColumns:
        planes = {MASKS: self._coco.masks(self._form[0])} if self._coco.kinds else {}
        return replace(self._understood, labels=self._coco.placed(self._form[0]), planes=planes)
