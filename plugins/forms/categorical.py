"""One of several classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Activation, Bars, Decisions, Form
from ...core.contracts.specs import ImageSpec

if TYPE_CHECKING:
    from torch import Tensor

_MOST = 1000
"""Classes that whole numbers stand for where nobody says so: beyond, they are rather numbers."""


@dataclass(frozen=True)
class Categorical(Form):
    """One of several classes. Raw output: logits `[B, K]`; prediction: probabilities `[B, K]`.

    Targets are int64 `[B]`, the class's number from 0, -1 where absent.

    >>> Categorical(("cat", "dog")).output_shape
    (2,)
    """

    classes: tuple[str, ...]

    form = "categorical"
    head = "linear"
    loss = "cross-entropy"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "precision", "recall", "confusion-matrix")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    @property
    def drawing(self) -> Bars:
        return Bars(self.classes)

    @property
    def activation(self) -> Activation:
        return "softmax"

    @property
    def highest(self) -> int:
        return len(self.classes) - 1

    @property
    def target_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def choices(self) -> tuple[str, ...]:
        return self.classes

    def meaning(self, *, raw: bool) -> str:
        return "one logit per class" if raw else "probability of each class"

    def decisions(self, reference: Tensor, answer: Tensor) -> Decisions:
        chosen = answer.argmax(dim=1)
        margin = reference.amax(dim=1) - reference.gather(1, chosen.unsqueeze(1)).squeeze(1)
        return Decisions(reference.argmax(dim=1) == chosen, margin)

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        return targets.bincount(minlength=len(self.classes)).float(), len(targets)

    def constant(self, prediction: Tensor) -> str:
        return f"the most frequent class, {self.classes[int(prediction.argmax())]!r}"

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        if column.dtype != np.int64 or not 0 < column.max(initial=0) < _MOST:
            return None
        return cls(tuple(map(str, range(int(column.max()) + 1))))

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("0", "1", "2", "3")),)

    def certain(self, target: Tensor) -> Tensor:
        import torch

        return (target.unsqueeze(1) == torch.arange(len(self.classes), device=target.device)).float()
