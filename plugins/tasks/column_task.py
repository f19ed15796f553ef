"""What tasks that predict a label column as it is have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Form, Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec


class ColumnTask(Task):
    """Predicts a label column as it is; a subclass says which columns it is for.

    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None, Field(description="The label column; none: the only one that fits.")
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = self.column_of(dataset, label)
        self.needs = (self.column,)
        self.symmetry = dataset.symmetries.get(self.column)

    @staticmethod
    @abstractmethod
    def column_of(dataset: DatasetSpec, label: str | None) -> tuple[str, Form]:
        """Return the named column, or the only one, and its form; raise `Incompatible` for none."""

    def target(self, batch: Batch) -> Tensor:
        """Return the column's labels as they are, absent ones included."""
        return batch.labels[self.column]
