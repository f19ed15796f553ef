"""The task of naming an image's class."""

from __future__ import annotations

from .column_task import ColumnTask
from .columns import answer_column


class Classify(ColumnTask):
    """Predicts a label column of classes (or of yes and no) as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    A target is the class index, int64 `[B]`, -1 where absent.
    """

    column_of = staticmethod(answer_column)
