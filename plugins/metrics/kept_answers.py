"""What metrics of attributes that need all answers at once have in common."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Metric
from ..forms import Multilabel


class KeptAnswers(Metric):
    """Keeps the probabilities and the attributes, both `[N, K]`, until they are judged.

    Raises `Incompatible` unless the answer is attributes.
    """

    bounds = (0.0, 1.0)
    starts_late = True

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self._predictions: list[Tensor] = []
        self._targets: list[Tensor] = []

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for attributes, else the reason."""
        return None if isinstance(target, Multilabel) else f"needs attributes, got a {target.form} answer"

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of probabilities and attributes, `[B, K]`."""
        self._predictions.append(prediction)
        self._targets.append(target)

    def reset(self) -> None:
        """Forget everything added."""
        self._predictions, self._targets = [], []

    def attributes(self) -> list[tuple[Tensor, Tensor]]:
        """Return each attribute's probabilities, and whether it holds, where that is known: `[n]` each."""
        if not self._targets:
            return []
        predictions, targets = torch.cat(self._predictions), torch.cat(self._targets)
        there = self.target.known(targets)
        pairs = zip(predictions.unbind(1), targets.unbind(1), there.unbind(1), strict=True)
        return [(prediction[known], target[known].bool()) for prediction, target, known in pairs]


def average_precision(prediction: Tensor, holds: Tensor) -> Tensor:
    """Return the average precision of probabilities `[n]`, as in scikit-learn; NaN where it never holds.

    >>> average_precision(torch.tensor([0.9, 0.8, 0.7]), torch.tensor([True, False, True])).item()
    0.8333333730697632
    """
    if not holds.any():
        return torch.tensor(torch.nan, device=prediction.device)
    from torchmetrics.functional.classification import binary_average_precision

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Tensor = binary_average_precision(prediction, holds.long(), validate_args=False)
    return found
