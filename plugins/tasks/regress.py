"""The task of telling an image's numbers."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import value_column


class Regress(ColumnTask):
    """Predicts a label column of numbers as it is, in its units.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    A target is the numbers, float32 `[B, n]`, NaN where absent.
    """

    column_of = staticmethod(value_column)
