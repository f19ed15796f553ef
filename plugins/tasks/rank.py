"""The task of telling which of several classes in order."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import rank_column


class Rank(ColumnTask):
    """Predicts a label column of classes that have an order, such as grades, as it is.

    Classes that are rising whole numbers have one, too: digits, or how many things there are. Raises
    `Incompatible` when the data set has no such column, or several and `label` does not say which.
    A target is the class's place, int64 `[B]`, -1 where absent.
    """

    column_of = staticmethod(rank_column)
