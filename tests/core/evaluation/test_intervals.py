"""An interval holds the middle of what a metric gives for samples drawn again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtl.core.contracts import Metric
from mtl.core.evaluation.intervals import _of_task
from mtl.plugins.forms import Binary


class Share(Metric):
    """The share of right answers."""

    def update(self, prediction: Tensor, target: Tensor) -> None:
        self.right = ((prediction >= 0.5) == target.bool()).float().mean()

    def compute(self) -> Tensor:
        return self.right

    def reset(self) -> None:
        self.right = torch.tensor(float("nan"))


def test_an_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    target = torch.zeros(400)
    guess = (torch.arange(400) < 80).float()
    metrics = {"share": Share(Binary("no", "yes"))}
    low, high = _of_task(metrics, [(guess[:100], target[:100]), (guess[100:], target[100:])], 2000)["share"]
    deviation = np.sqrt(0.8 * 0.2 / 400)
    assert abs(low - (0.8 - 1.96 * deviation)) < 0.006
    assert abs(high - (0.8 + 1.96 * deviation)) < 0.006


def test_there_is_none_without_labels() -> None:
    assert _of_task({"share": Share(Binary("no", "yes"))}, [(torch.zeros(0), torch.zeros(0))], 10) == {}
