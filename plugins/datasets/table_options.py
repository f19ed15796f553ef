"""The options that all data sets of pictures in rows have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .table_columns import ColumnOption

Side = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]

ColumnsOption = Annotated[
    dict[str, ColumnOption],
    Field(
        description="What columns are: path, class, ordinal, yes-no, tags, number, points, mask, map, group, "
        "split or ignore, or a mapping with type, classes, yes, units, scale (of a map's numbers), range, "
        "tags, separator, of (columns of yes or no that are the tags of a new one, or points with columns of "
        "x and y) and absent (more cells that mean no label)."
    ),
]
AbsentOption = Annotated[
    tuple[str, ...], Field(description="Cells that mean no label, like empty ones; in any case.")
]
SizeOption = Annotated[
    Side | tuple[Side, Side] | None,
    Field(
        description="Pictures are scaled to this side, or (height, width), in pixels; none: their "
        "own size where it is common and at most 64, else 64."
    ),
]
ChannelsOption = Annotated[
    Literal[1, 3] | None,
    Field(description="1: grey; 3: red, green, blue; none: 1 where all pictures are grey."),
]
TestOption = Annotated[Share, Field(description="Share of all rows for testing, where no column says which.")]
ValidationOption = Annotated[
    Share, Field(description="Share of all rows for validation, where no column says which.")
]
SplitSeedOption = Annotated[int, Field(ge=0, description="Seed of the parts that are carved.")]
AllowDuplicatesOption = Annotated[
    bool, Field(description="Go on when a picture is in two parts of the data.")
]
SkipBrokenOption = Annotated[
    bool, Field(description="Leave out pictures that cannot be read; they are told.")
]

InputsOption = Annotated[
    tuple[str, ...] | None,
    Field(
        description="Columns that a model reads; none: no column beside pictures, and where there are no "
        "pictures all that are not told."
    ),
]
TargetsOption = Annotated[
    tuple[str, ...] | None,
    Field(
        description="Columns to be told; none: all labels of pictures, and where there are no pictures those "
        "that tasks name, or the last."
    ),
]

ABSENT = ("nan", "null", "?")
"""Cells that mean no label where a recipe does not say it."""
