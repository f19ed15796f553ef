"""Pictures with COCO annotations: which categories they show, and the points of the largest object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ...core.contracts.specs import DatasetSpec
from ...core.data.tables import Table
from ..forms import Points
from .coco_labels import CATEGORIES, POINTS, CocoFile, read_coco, sides
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
_TASKS = {CATEGORIES: "attributes", POINTS: "keypoints"}


class Coco(PictureTable):
    """Pictures that a JSON file of COCO annotations names, as those of a table.

    Labels: `categories`, which of them a picture shows, where there are two or more; and `points`, the
    keypoints of the largest object that has any, relative to its picture. Points that are not annotated are
    invisible, and a picture without any has no such label. A mirror exchanges points whose names say left
    and right. Masks and boxes are not read.
    """

    def __init__(
        self,
        *,
        file: Annotated[Path | None, Field(description="The JSON file of annotations.")] = None,
        root: Annotated[Path | None, Field(description="Folder of the pictures; none: the file's.")] = None,
        size: SizeOption = None,
        channels: ChannelsOption = None,
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
            test=test,
            validation=validation,
            split_seed=split_seed,
            allow_duplicates=allow_duplicates,
            skip_broken=skip_broken,
        )

    def spec(self) -> DatasetSpec:
        found = super().spec()
        points = found.labels.get(POINTS)
        symmetry = sides(points.names) if isinstance(points, Points) else None
        return replace(found, symmetries={} if symmetry is None else {POINTS: symmetry})

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        return {name: {"task": _TASKS[name], "label": name} for name in self._columns.labels}

    def understood(self) -> Sequence[str]:
        said = [f"  {name}: {label.described}" for name, label in self._coco.labels.items()]
        return [*super().understood(), *said]

    @cached_property
    def _coco(self) -> CocoFile:
        return read_coco(self._place())

    def _table(self) -> Table:
        names = self._coco.names
        columns: dict[str, list[str | None]] = {_FILE: [*names]}
        return Table(self._place(), columns, range(1, len(names) + 1), counted="picture")

    @cached_property
    def _columns(self) -> TableColumns:
        return replace(self._understood, labels=self._coco.labels)
