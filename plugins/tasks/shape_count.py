"""The task of counting the shapes of each kind."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import CountsOption, count_column


class ShapeCount(Task):
    """Predicts how many shapes of each of six kinds an image shows.

    Raises `Incompatible` when the data set has no column of six counts, or several and `label` does not say
    which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: CountsOption = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = count_column(dataset, label, 6)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return the counts, float32 `[B, 6]`, NaN where absent."""
        return batch.labels[self.column]
