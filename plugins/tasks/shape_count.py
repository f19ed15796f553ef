"""The task of counting the shapes of each kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import count_column


class ShapeCount(Task):
    """Predicts how many shapes of each of six kinds an image shows.

    Raises `Incompatible` when the data set has no column of six counts, or several and `label` does not say
    which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="Label column of the six counts; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = count_column(dataset, label, 6)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return the counts, float32 `[B, 6]`, NaN where absent."""
        return batch.labels[self.column]
