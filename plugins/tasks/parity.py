"""The task of telling even numbers from odd ones."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from ..forms import Binary
from .columns import NumbersOption, number_column
from .lookup import Lookup


class Parity(Task):
    """Predicts whether the number shown is even; 0 is even.

    Raises `Incompatible` when the data set has no column of classes named by whole numbers, or several and
    `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: NumbersOption = None,
    ) -> None:
        super().__init__(dataset)
        self.column, numbers = number_column(dataset, label)
        self.needs = (self.column,)
        self.target_spec = Binary("even", "odd")
        self._answers = Lookup([int(number % 2 == 0) for number in numbers])

    def target(self, batch: Batch) -> Tensor:
        """Return 1 for even and 0 for odd, int64 `[B]`, -1 where absent."""
        return self._answers(batch.labels[self.column])
