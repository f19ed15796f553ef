"""What losses with a weight for each class have in common."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Loss
from .class_weights import ClassWeights


class ClassWeightedLoss(Loss):
    """A loss of an answer it accepts, with the weights of `count` classes unless `class_weights` is none.

    Raises `Incompatible` when it does not accept the answer, or has not as many classes as weights are given.
    """

    def __init__(
        self, target: Form, class_weights: Literal["none", "balanced"] | tuple[float, ...], count: int
    ) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self.weighing = None if class_weights == "none" else ClassWeights(class_weights, count)

    @property
    def fits(self) -> bool:
        """Whether there are weights that depend on the training labels."""
        return self.weighing is not None

    def fit(self, targets: Tensor) -> None:
        """Take the class counts of the training labels `[N]`."""
        assert self.weighing is not None
        self.weighing.fit(targets)
