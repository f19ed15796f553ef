"""Yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from ...core.contracts import Activation, Bars, Decisions, Form
from ...core.contracts.specs import ImageSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Binary(Form):
    """Yes or no. Raw output: one logit `[B]`; prediction: the probability of `positive`, `[B]`.

    Targets are int64 `[B]`: 1 for yes, 0 for no, -1 where absent.

    >>> Binary("even", "odd").to_json()
    {'form': 'binary', 'positive': 'even', 'negative': 'odd'}
    """

    positive: str = "yes"
    negative: str = "no"

    form = "binary"
    head = "linear"
    loss = "bce"
    metrics = ("accuracy", "f1", "precision", "recall", "confusion-matrix")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def drawing(self) -> Bars:
        return Bars(self.choices, single=True)

    @property
    def activation(self) -> Activation:
        return "sigmoid"

    @property
    def highest(self) -> int:
        return 1

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.positive,)

    @property
    def choices(self) -> tuple[str, ...]:
        return (self.negative, self.positive)

    def meaning(self, *, raw: bool) -> str:
        return f"{'logit' if raw else 'probability'} of {self.positive!r}"

    def decisions(self, reference: Tensor, answer: Tensor) -> Decisions:
        return Decisions((reference >= 0.5) == (answer >= 0.5), (reference - 0.5).abs())

    def constant(self, prediction: Tensor) -> str:
        likely = self.positive if float(prediction) >= 0.5 else self.negative
        return f"the more frequent answer, {likely!r}"

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        return cls()

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(),)
