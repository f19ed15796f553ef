"""A task of the kit's own: any form of answer, with an extra input where one is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from ..base.errors import Incompatible
from ..contracts import Task
from ..contracts.batch import Batch
from ..contracts.randomness import Random
from ..contracts.specs import DatasetSpec, InputSpec, VectorSpec
from .stated_forms import formed

NUMBER = InputSpec("kit-number", 3, "an extra input that means nothing")
VECTOR = VectorSpec("kit-vector", ("length", "mass"), {"colour": ("red", "green", "blue")})
"""A vector beside pictures, or in their place."""


class KitTask(Task):
    """Asks for a label column of `Pictures`, or for the picture itself."""

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        form: Annotated[
            dict[str, Any] | None, Field(description="Form of the answer; none: the first label column's.")
        ] = None,
        number: Annotated[bool, Field(description="Ask for an extra input.")] = False,
    ) -> None:
        super().__init__(dataset)
        self.target_spec = next(iter(dataset.labels.values())) if form is None else formed(form)
        columns = [name for name, column in dataset.labels.items() if column == self.target_spec]
        if not columns and not self.target_spec.is_image:
            raise Incompatible("asks for the kit's own pictures")
        self.column = columns[0] if columns else None
        self.needs = tuple(columns[:1])
        self.inputs = (NUMBER,) if number else ()

    def draw_inputs(self, batch: Batch, random: Random) -> Mapping[str, Tensor]:
        return {spec.name: random.integers(spec.count) for spec in self.inputs}

    def target(self, batch: Batch) -> Tensor:
        return batch.image if self.column is None else batch.labels[self.column]
