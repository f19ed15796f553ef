"""The task of naming an image's class."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import answer_column


class Classify(Task):
    """Predicts a label column of classes (or of yes and no) as it is.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
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
        self.column, self.target_spec = answer_column(dataset, label)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    def target(self, batch: Batch) -> Tensor:
        """Return the class index, int64 `[B]`, -1 where absent."""
        return batch.labels[self.column]
