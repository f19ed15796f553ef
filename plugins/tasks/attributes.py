"""The task of telling which attributes hold."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import attribute_column


class Attributes(ColumnTask):
    """Predicts a label column of attributes as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    A target is whether each attribute holds, int8 `[B, K]`, -1 where not known.
    """

    column_of = staticmethod(attribute_column)
