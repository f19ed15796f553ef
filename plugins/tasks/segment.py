"""The task of telling the class of every pixel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import pixel_class_column


class Segment(Task):
    """Predicts a label column with a class per pixel as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="Label column of the pixels' classes; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, form = pixel_class_column(dataset, label)
        self.target_spec = self._form = form
        self.needs = (self.column,)

    def target(self, batch: Batch) -> Tensor:
        """Return the class of each pixel, int64 `[B, H, W]`, -1 where it has no label."""
        return self._form.target_of(batch.labels[self.column])
