"""Named quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Form, Values
from ...core.contracts.specs import ImageSpec

if TYPE_CHECKING:
    from torch import Generator, Tensor


@dataclass(frozen=True)
class Regression(Form):
    """Named quantities with units. Raw output and prediction: values `[B, len(names)]`.

    Targets are float32 `[B, len(names)]`, NaN for a value that is absent; a sample without any has no target.
    A head answers in units of the values' spread over the training labels, unless it says otherwise; the
    model puts them in units. `least` and `most` are what no value is below or above: predictions are cut
    there, and labels beyond are refused.
    """

    names: tuple[str, ...]
    units: str = ""
    least: float | None = None
    most: float | None = None

    form = "regression"
    head = "linear"
    loss = "smooth-l1"
    metrics = ("rmse", "mae")
    partial = True

    def __post_init__(self) -> None:
        if self.least is not None and self.most is not None and not self.least < self.most:
            raise ValueError(f"no value lies between least {self.least:g} and most {self.most:g}")

    @property
    def default_metrics(self) -> tuple[str, ...]:
        return (*self.metrics, "value-errors") if len(self.names) > 1 else self.metrics

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def drawing(self) -> Values:
        return Values(self.names, self.units)

    @property
    def quantities(self) -> int:
        return len(self.names)

    @property
    def bounded(self) -> bool:
        """Whether predictions are cut anywhere."""
        return self.least is not None or self.most is not None

    def meaning(self, *, raw: bool) -> str:
        said = f"values in {self.units}" if self.units else "values"
        if not self.bounded:
            return said
        return f"{said}, not cut" if raw else f"{said}, {self.range_in_words}"

    def predict(self, raw: Tensor) -> Tensor:
        return raw.clamp(self.least, self.most) if self.bounded else raw

    def predict_array(self, raw: NDArray[Any]) -> NDArray[Any]:
        return raw.clip(*self._ends) if self.bounded else raw

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        problem = super().column_problem(column, count)
        if problem is not None or not self.bounded:
            return problem
        low, high = self._ends
        # Written so that NaN, an absent value, lies inside.
        return self.strange_entries(
            column, (column < low) | (column > high), f"must be {self.range_in_words}"
        )

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        return targets.nansum(dim=0), self.known(targets).float().sum(dim=0)

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        return cls(tuple(map(str, range(column.shape[1])))) if column.ndim == 2 else None

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("first", "second")), cls(("top", "right", "bottom", "left")))

    def draw(self, count: int, generator: Generator) -> Tensor:
        return self.predict(super().draw(count, generator))

    @property
    def _ends(self) -> tuple[float, float]:
        return (
            -np.inf if self.least is None else self.least,
            np.inf if self.most is None else self.most,
        )

    @property
    def range_in_words(self) -> str:
        """Where values lie: `0 to 120`; for bounded ones."""
        if self.most is None:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}" if self.least is None else f"{self.least:g} to {self.most:g}"
