"""The task of finding an image's points."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import point_column


class Keypoints(ColumnTask):
    """Predicts a label column of named points as it is: where each one is, and whether it is visible.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    A target is the points, float32 `[B, K, 2]`, NaN where invisible.
    """

    column_of = staticmethod(point_column)
