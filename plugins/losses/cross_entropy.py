"""Cross-entropy between class logits and the right class."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from ...core.contracts import Loss
from ...core.errors import Incompatible
from ...core.specs import Categorical, TargetSpec
from .class_weights import ClassWeights, ClassWeightsOption


class CrossEntropy(Loss):
    """Minus the logarithm of the probability given to the right class, in nats, from logits `[B, K]`.

    The softmax is part of the loss: a head's raw output must not be squashed before.
    Raises `Incompatible` unless the answer is categorical, and has as many classes as weights are given.
    """

    def __init__(
        self,
        target: TargetSpec,
        *,
        label_smoothing: Annotated[
            float, Field(ge=0.0, lt=1.0, description="Share of the target spread evenly over all classes.")
        ] = 0.0,
        class_weights: ClassWeightsOption = "none",
    ) -> None:
        super().__init__(target)
        if reason := self.accepts(target):
            raise Incompatible(reason)
        assert isinstance(target, Categorical)
        self.label_smoothing = label_smoothing
        self.weighing = None if class_weights == "none" else ClassWeights(class_weights, len(target.classes))

    @classmethod
    def accepts(cls, target: TargetSpec) -> str | None:
        """Return None for classes, else the reason."""
        if isinstance(target, Categorical):
            return None
        return f"needs classes, not the answer form {target.form!r}"

    @property
    def fits(self) -> bool:
        """Whether there are weights that depend on the training labels."""
        return self.weighing is not None

    def fit(self, targets: Tensor) -> None:
        """Take the class counts of the training labels `[N]`."""
        assert self.weighing is not None
        self.weighing.fit(targets)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]` of logits `[B, K]` for class indices `[B]`."""
        weight = None if self.weighing is None else self.weighing.weights
        return F.cross_entropy(raw, target, weight, reduction="none", label_smoothing=self.label_smoothing)
