"""The task of telling the depth, or another quantity, of every pixel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.specs import DatasetSpec
from .columns import pixel_value_column


class Depth(Task):
    """Predicts a label column with values per pixel as it is, in its units: depth, normals, heat.

    Values that are all above 0, as distances are, are judged by ratios too.
    Raises `Incompatible` when the data set has no such column, or several and `label` does not say which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: Annotated[
            str | None,
            Field(
                description="Label column of the pixels' values; none: the only one, or the only one "
                "whose values are all above 0."
            ),
        ] = None,
    ) -> None:
        super().__init__(dataset)
        self.column, self.target_spec = pixel_value_column(dataset, label)
        self.needs = (self.column,)

    def target(self, batch: Batch) -> Tensor:
        """Return the values, float32 `[B, n, H, W]`, NaN where one is not known."""
        return batch.labels[self.column]
