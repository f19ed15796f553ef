"""The task of telling multiples of a number."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from ..forms import Binary
from .columns import NumbersOption, number_column
from .lookup import Lookup


class MultipleOf(Task):
    """Predicts whether the number shown is a multiple of another.

    Zero is a multiple of every number, as in mathematics, unless `zero` is false.
    Raises `Incompatible` when the data set has no column of classes named by whole numbers, or several and
    `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        of: Annotated[int, Field(ge=2, description="The number whose multiples are the positive class.")] = 3,
        zero: Annotated[bool, Field(description="Whether 0 counts as a multiple.")] = True,
        label: NumbersOption = None,
    ) -> None:
        super().__init__(dataset)
        self.column, numbers = number_column(dataset, label)
        self.needs = (self.column,)
        self.target_spec = Binary(f"multiple of {of}", f"not a multiple of {of}")
        self._answers = Lookup([int(number % of == 0 and (zero or number != 0)) for number in numbers])

    def target(self, batch: Batch) -> Tensor:
        """Return 1 for a multiple and 0 otherwise, int64 `[B]`, -1 where absent."""
        return self._answers(batch.labels[self.column])
