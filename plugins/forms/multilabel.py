"""Several questions of yes or no at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from ...core.contracts import Activation, Decisions, Form, Tags
from ...core.contracts.specs import ImageSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Multilabel(Form):
    """Which of several attributes hold, each for itself.

    Raw output: logits `[B, len(names)]`; prediction: the probability of each attribute. Targets are int8
    `[B, len(names)]`: 1 for yes, 0 for no, -1 where it is not known. A sample of which nothing is known has
    no target.
    """

    names: tuple[str, ...]

    form = "multilabel"
    head = "linear"
    loss = "attribute-bce"
    metrics = ("mean-average-precision", "attribute-accuracy", "attribute-scores")
    partial = True

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def drawing(self) -> Tags:
        return Tags(self.names)

    @property
    def activation(self) -> Activation:
        return "sigmoid"

    @property
    def highest(self) -> int:
        return 1

    @property
    def dtype(self) -> str:
        return "int8"

    def meaning(self, *, raw: bool) -> str:
        return "one logit per attribute" if raw else "probability of each attribute"

    def decisions(self, reference: Tensor, answer: Tensor) -> Decisions:
        differ = (reference >= 0.5) != (answer >= 0.5)
        margin = (reference - 0.5).abs() * differ
        return Decisions(~differ.any(dim=1), margin.amax(dim=1))

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        return targets.eq(1).float().sum(dim=0), self.known(targets).float().sum(dim=0)

    def constant(self, prediction: Tensor) -> str:
        held = [name for name, share in zip(self.names, prediction.tolist(), strict=True) if share >= 0.5]
        return f"each attribute's share, which says {', '.join(held) or 'none'}"

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        return cls(tuple(map(str, range(column.shape[1])))) if column.ndim == 2 else None

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("striped", "round", "red")),)

    def certain(self, target: Tensor) -> Tensor:
        return target.float().masked_fill(~self.known(target), float("nan"))
