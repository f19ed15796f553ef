"""A plugin: images of a brightness, which is a value in any units and a class, and a task for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor

from mtl import Component, hookimpl
from mtl.core.contracts import Columns, Dataset, Form, Task
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Categorical, Regression

mtl_api = 1


@hookimpl
def mtl_components() -> list[Component]:
    return [
        Component("dataset", "measured", "Images of a brightness", f"{__name__}:Measured"),
        Component("task", "column", "A column", f"{__name__}:Column"),
    ]


class Measured(Dataset):
    """12 x 12 noise; `value` is `shift + scale * brightness`, absent for some; `kind` its third."""

    def __init__(
        self,
        *,
        count: Annotated[int, Field(ge=1, description="Images.")] = 40,
        scale: Annotated[float, Field(description="Of the value.")] = 1.0,
        shift: Annotated[float, Field(description="Of the value.")] = 0.0,
        constant: Annotated[float | None, Field(description="A second value that never changes.")] = None,
    ) -> None:
        self.count, self.scale, self.shift, self.constant = count, scale, shift, constant

    def spec(self) -> DatasetSpec:
        names = ("value",) if self.constant is None else ("value", "constant")
        labels: dict[str, Form] = {
            "value": Regression(names),
            "kind": Categorical(("dark", "grey", "light")),
        }
        return DatasetSpec(ImageSpec(1, 12, 12), labels)

    def load(self) -> Mapping[str, Columns]:
        return {"train": self._split(1), "test": self._split(2)}

    def _split(self, seed: int) -> Columns:
        random = np.random.default_rng(seed)
        bright = random.uniform(0, 1, self.count)
        noise = random.integers(0, 100, (self.count, 1, 12, 12))
        value = self.scale * bright[:, None] + self.shift
        if self.constant is not None:
            value = np.concatenate([value, np.full_like(value, self.constant)], axis=1)
        value[::5] = np.nan
        kind = np.minimum(3 * bright, 2).astype(np.int64)
        image = (noise + bright[:, None, None, None] * 150).astype(np.uint8)
        return Columns(image, {"value": value.astype(np.float32), "kind": kind})


class Column(Task):
    """Predicts a column as it is."""

    def __init__(
        self, dataset: DatasetSpec, *, column: Annotated[str, Field(description="Its name.")] = "value"
    ) -> None:
        super().__init__(dataset)
        self.needs, self.target_spec, self.column = (column,), dataset.labels[column], column

    def target(self, batch: Batch) -> Tensor:
        return batch.labels[self.column]
