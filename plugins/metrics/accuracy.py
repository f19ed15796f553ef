"""The share of right answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from ...core.contracts import Form
from .class_metric import ClassScore
from .class_table import ClassScores, share


class Accuracy(ClassScore):
    """The share of right answers.

    `macro` is the mean of each class's share, over the classes that occur among the answers or the
    predictions: a class that is only ever predicted counts as 0.
    """

    def __init__(
        self,
        target: Form,
        *,
        average: Annotated[
            Literal["micro", "macro"],
            Field(description="Over answers, or evenly over the classes that occur."),
        ] = "micro",
    ) -> None:
        super().__init__(target, _Shares, average)


class _Shares(ClassScores):
    """Shares of the samples of each class that are right."""

    def score(self, right: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
        return share(right, samples)
