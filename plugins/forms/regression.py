"""Named quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ...core.contracts import Form, Values
from ...core.specs import ImageSpec


@dataclass(frozen=True)
class Regression(Form):
    """Named quantities with units. Raw output and prediction: values `[B, len(names)]`.

    Targets are float32 `[B, len(names)]`; with a NaN the whole sample is absent. A head answers in units of
    the values' spread over the training labels, unless it says otherwise; the model puts them in units.
    """

    names: tuple[str, ...]
    units: str = ""

    form = "regression"
    head = "linear"
    loss = "smooth-l1"
    metrics = ("rmse", "mae")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def drawing(self) -> Values:
        return Values(self.names, self.units)

    @property
    def quantities(self) -> int:
        return len(self.names)

    def meaning(self, *, raw: bool) -> str:
        return f"values in {self.units}" if self.units else "values"

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("first", "second")), cls(("top", "right", "bottom", "left")))
