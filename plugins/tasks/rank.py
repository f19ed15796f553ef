"""The task of telling which of several classes in order."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import rank_column


class Rank(Task):
    """Predicts a label column of classes that have an order, such as grades, as it is.

    Classes that are rising whole numbers have one, too: digits, or how many things there are. Raises
    `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="Label column of the classes; none: the only one.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = rank_column(dataset, label)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return the class's place, int64 `[B]`, -1 where absent."""
        return batch.labels[self.column]
