"""One score and thresholds in order."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ..forms import Ordinal
from ..layers import DropoutInFront, dropout_layers

_LEAST_GAP = 1e-3
"""Two thresholds never meet: a class between them would be impossible."""


class Cumulative(Head):
    """Cumulative logits: the probability of being above class `k` is `sigmoid(score - threshold[k])`.

    The score is one linear layer on the flattened last stage; the thresholds `[K - 1]` rise, whatever they
    learn. McCullagh (1980), "Regression models for ordinal data", the model of proportional odds. Answers are
    the logarithms of the classes' probabilities `[B, K]`. Raises `Incompatible` unless classes have an order.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        dropout: DropoutInFront = 0.0,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        layer = nn.Linear(spec.stages[-1].size, 1)
        self.layers = nn.Sequential(nn.Flatten(), *dropout_layers(dropout), layer)
        # So that at a score of 0 all classes are equally likely.
        shares = torch.arange(1, spec.target.output_shape[0]) / spec.target.output_shape[0]
        start = shares.logit()
        self.first = nn.Parameter(start[:1].clone())
        self.steps = nn.Parameter((start.diff() - _LEAST_GAP).expm1().log()) if len(start) > 1 else None

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return None for classes in order, else the reason."""
        if isinstance(spec.target, Ordinal) and len(spec.target.classes) > 1:
            return None
        return f"answers classes in order, not a {spec.target.form} answer"

    def thresholds(self) -> tuple[Tensor, Tensor]:
        """Return the thresholds `[K - 1]`, rising, and the gaps between them `[K - 2]`."""
        if self.steps is None:
            return self.first, self.first[:0]
        gaps = F.softplus(self.steps) + _LEAST_GAP
        return torch.cat([self.first, self.first + gaps.cumsum(dim=0)]), gaps

    def forward(self, features: Features) -> Tensor:
        thresholds, gaps = self.thresholds()
        above = self.layers(features.stages[-1]) - thresholds
        lowest, highest = F.logsigmoid(-above[:, :1]), F.logsigmoid(above[:, -1:])
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)): no difference of near numbers.
        between = F.logsigmoid(above[:, :-1]) + F.logsigmoid(-above[:, 1:]) + (1.0 - (-gaps).exp()).log()
        return torch.cat([lowest, between, highest], dim=1)
