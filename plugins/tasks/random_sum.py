"""The task of adding a random number, given as a second input, to the number shown."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import MISSING, Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec, InputSpec
from ..forms import Categorical
from .columns import NumbersOption, number_column
from .lookup import Lookup

_NUMBERS = 10


class RandomSum(Task):
    """Predicts the number shown plus the extra input `number`, 0 to 9, each equally likely.

    With digits there are 19 sums, 0 to 18. Raises `Incompatible` when the data set has no column of classes
    named by whole numbers, or several and `label` does not say which.
    """

    inputs = (InputSpec("number", _NUMBERS, "the number to add, 0 to 9"),)

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: NumbersOption = None,
    ) -> None:
        super().__init__(dataset)
        self.column, numbers = number_column(dataset, label)
        self.needs = (self.column,)
        smallest = min(numbers)
        self.target_spec = Categorical(
            tuple(str(total) for total in range(smallest, max(numbers) + _NUMBERS))
        )
        self._shown = Lookup([number - smallest for number in numbers])

    def draw_inputs(self, batch: Batch, random: Random) -> Mapping[str, Tensor]:
        """Return `number`, int64 `[B]` in 0..9."""
        return {"number": random.integers(_NUMBERS)}

    def target(self, batch: Batch) -> Tensor:
        """Return the index of the sum, int64 `[B]`, -1 where the number shown is absent."""
        shown = self._shown(batch.labels[self.column])
        return torch.where(shown == MISSING, MISSING, shown + batch.inputs["number"])
