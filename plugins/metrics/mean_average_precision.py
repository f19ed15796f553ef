"""The mean average precision."""

from __future__ import annotations

import torch
from torch import Tensor

from .kept_answers import KeptAnswers, average_precision


class MeanAveragePrecision(KeptAnswers):
    """The mean over attributes of the average precision, over those attributes that some sample has.

    An attribute's average precision is the sum over thresholds of the precision, each weighted by how much
    recall grows there, as in scikit-learn. Samples of which an attribute is not known do not count for it.
    """

    direction = "higher"

    def compute(self) -> Tensor:
        """Return the value over everything added; NaN when no attribute ever holds."""
        found = [average_precision(*attribute) for attribute in self.attributes()]
        return torch.stack(found).nanmean() if found else torch.tensor(torch.nan)
