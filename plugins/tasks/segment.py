"""The task of telling the class of every pixel."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts.batch import Batch
from ..forms import PixelClasses
from .column_task import ColumnTask
from .columns import pixel_class_column


class Segment(ColumnTask):
    """Predicts a label column with a class per pixel as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    column_of = staticmethod(pixel_class_column)

    def target(self, batch: Batch) -> Tensor:
        """Return the class of each pixel, int64 `[B, H, W]`, -1 where it has no label."""
        assert isinstance(self.target_spec, PixelClasses)
        return self.target_spec.target_of(batch.labels[self.column])
