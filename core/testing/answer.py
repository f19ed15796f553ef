"""A task of the kit's own: any form of answer, with an extra input where one is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from ..batch import Batch
from ..contracts import Task
from ..errors import Incompatible
from ..randomness import Random
from ..specs import DatasetSpec, Image, InputSpec
from .pictures import ANSWER, CLASS, VALUES

NUMBER = InputSpec("kit-number", 3, "an extra input that means nothing")


class Answer(Task):
    """Asks for a label column of `Pictures`, or for the picture itself."""

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        form: Annotated[
            Literal["categorical", "binary", "regression", "image"], Field(description="Form of the answer.")
        ] = "categorical",
        link: Annotated[
            Literal["identity", "logit"], Field(description="Raw output of an image: pixels or logits.")
        ] = "identity",
        number: Annotated[bool, Field(description="Ask for an extra input.")] = False,
    ) -> None:
        super().__init__(dataset)
        self.column = {"categorical": CLASS, "binary": ANSWER, "regression": VALUES}.get(form)
        if self.column is None:
            self.target_spec = Image(*dataset.image.shape, link=link)
        elif self.column not in dataset.labels:
            raise Incompatible("asks for the kit's own pictures")
        else:
            self.target_spec = dataset.labels[self.column]
            self.needs = (self.column,)
        self.inputs = (NUMBER,) if number else ()

    def draw_inputs(self, batch: Batch, random: Random) -> Mapping[str, Tensor]:
        return {spec.name: random.integers(spec.count) for spec in self.inputs}

    def target(self, batch: Batch) -> Tensor:
        return batch.image if self.column is None else batch.labels[self.column]
