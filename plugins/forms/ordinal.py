"""One of several classes in order."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.contracts import Bars
from .categorical import Categorical


@dataclass(frozen=True)
class Ordinal(Categorical):
    """One of several classes that have an order, from the lowest to the highest, such as grades.

    Raw output: logarithms of the probabilities `[B, K]`, up to a constant; prediction: probabilities
    `[B, K]`. Targets are int64 `[B]`, the class's place from 0, -1 where absent. With its default head the
    probabilities are those of cumulative logits: one score and thresholds in order.

    >>> Ordinal(("poor", "fair", "good")).drawing.ordered
    True
    """

    form = "ordinal"
    head = "cumulative"
    loss = "cumulative"
    metrics = ("accuracy", "rank-error", "quadratic-kappa", "confusion-matrix")

    @property
    def drawing(self) -> Bars:
        return Bars(self.classes, ordered=True)

    def meaning(self, *, raw: bool) -> str:
        return (
            "log-probability of each class, lowest first"
            if raw
            else "probability of each class, lowest first"
        )
