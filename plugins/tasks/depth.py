"""The task of telling the depth, or another quantity, of every pixel."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import pixel_value_column


class Depth(ColumnTask):
    """Predicts a label column with values per pixel as it is, in its units: depth, normals, heat.

    Values that are all above 0, as distances are, are judged by ratios too; of several columns, the
    only one of such values is taken. Raises `Incompatible` when the data set has no
    such column, or several and `label` does not say which.
    A target is the values, float32 `[B, n, H, W]`, NaN where one is not known.
    """

    column_of = staticmethod(pixel_value_column)
