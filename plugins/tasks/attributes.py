"""The task of telling which attributes hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import attribute_column


class Attributes(Task):
    """Predicts a label column of attributes as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="Label column of the attributes; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = attribute_column(dataset, label)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return whether each attribute holds, int8 `[B, K]`, -1 where not known."""
        return batch.labels[self.column]
