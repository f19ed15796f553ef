"""The task of telling the multiples of three, zero not among them."""

from __future__ import annotations

from ...core.contracts.specs import DatasetSpec
from .columns import NumbersOption
from .multiple_of import MultipleOf


class Third(MultipleOf):
    """Predicts whether the number shown is 3, 6, 9, ...: `multiple-of` three, where 0 is none.

    Raises `Incompatible` when the data set has no column of classes named by whole numbers, or several and
    `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: NumbersOption = None,
    ) -> None:
        super().__init__(dataset, of=3, zero=False, label=label)
