"""How often each class was answered as each other one, and the scores that follow from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .counter import Counter


class ClassTable(Counter):
    """Counts right classes (row) by answered ones (column), int64 `[K, K]`."""

    counts: Tensor

    def __init__(self, *, num_classes: int, **_: Any) -> None:
        super().__init__(counts=torch.zeros(num_classes, num_classes, dtype=torch.int64))

    def add(self, prediction: Tensor, target: Tensor) -> None:
        """Add answered and right classes, int64 of one shape."""
        count = len(self.counts)
        pairs = torch.bincount((target * count + prediction).flatten(), minlength=count * count)
        self.counts.add_(pairs.view(count, count))

    def compute(self) -> Tensor:
        """Return the table."""
        return self.counts.clone()


class ClassScores(ClassTable):
    """A score made of the right answers, the answers and the samples of each class; 0 where it has none.

    `task="binary"` is that of yes (1) alone. Else `average` says how those of all classes become one:
    `micro` from the sums over the classes, `macro` evenly over the classes that occur among answers or
    samples, `weighted` by their samples.
    """

    def __init__(self, *, num_classes: int, task: str, average: str = "macro", **_: Any) -> None:
        super().__init__(num_classes=num_classes)
        self.alone = task == "binary"
        self.average = average

    def score(self, right: Tensor, answers: Tensor, samples: Tensor) -> Tensor:
        """Return the score from three counts of one shape."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Return the score, a scalar."""
        table = self.counts.double()
        right, answers, samples = table.diagonal(), table.sum(dim=0), table.sum(dim=1)
        if self.average == "micro" and not self.alone:
            return self.score(right.sum(), answers.sum(), samples.sum()).float()
        scores = self.score(right, answers, samples)
        if self.alone:
            return scores[1].float()
        weights = samples if self.average == "weighted" else (answers + samples > 0).double()
        return share((scores * weights).sum(), weights.sum()).float()


def share(part: Tensor, whole: Tensor) -> Tensor:
    """Return a part of a whole, 0 where there is no whole.

    >>> share(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    return part / whole.clamp(min=1.0)
