"""The task of telling an image's numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import value_column


class Regress(Task):
    """Predicts a label column of numbers as it is, in its units.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="Label column of the numbers; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = value_column(dataset, label)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return the numbers, float32 `[B, n]`, NaN where absent."""
        return batch.labels[self.column]
