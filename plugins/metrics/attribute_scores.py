"""How each attribute is answered."""

from __future__ import annotations

import torch
from torch import Tensor

from .kept_answers import KeptAnswers, average_precision


class AttributeScores(KeptAnswers):
    """A row for each attribute, NaN where there is nothing to judge.

    Its labels (samples of which it is known), how many of these have it, the share of those that were found
    (recall), the share of its answers that are right (precision), and its average precision.
    """

    bounds = (0.0, float("inf"))
    scalar = False
    columns = ("labels", "yes", "found", "right", "average precision")

    def compute(self) -> Tensor:
        """Return the table, float32 `[K, 5]`."""
        rows = [_row(*attribute) for attribute in self.attributes()]
        return torch.stack(rows) if rows else torch.full((len(self.target.labels), 5), torch.nan)


def _row(prediction: Tensor, holds: Tensor) -> Tensor:
    said = prediction >= 0.5
    both = (said & holds).sum()
    values = (torch.full_like(both, len(holds)), holds.sum(), both / holds.sum(), both / said.sum())
    return torch.stack([value.float() for value in (*values, average_precision(prediction, holds))])
