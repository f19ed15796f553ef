"""How far the probabilities of being above each class are from the truth."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Loss
from ..forms import Ordinal


class Cumulative(Loss):
    """The mean over thresholds of the binary cross-entropy, in nats, of "above this class"; `[B]`.

    An answer costs the more the farther it is from the right class in order. From logarithms of the classes'
    probabilities `[B, K]`, up to a constant, and classes int64 `[B]`. Raises `Incompatible` unless classes
    have an order.
    """

    above: Tensor

    mixes = True

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        count = target.output_shape[0]
        # Row k marks the classes above class k.
        above = torch.ones(count, count, dtype=torch.bool).triu(1)[:-1]
        self.register_buffer("above", above, persistent=False)

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for classes in order, else the reason."""
        if isinstance(target, Ordinal):
            return None
        return f"needs classes in order, got a {target.form} answer"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]`."""
        logs = raw.log_softmax(dim=1).unsqueeze(1)
        right = target.unsqueeze(1) > torch.arange(len(self.above), device=target.device)
        # Of each threshold, the classes on the side of the right one.
        side = self.above == right.unsqueeze(2)
        return -logs.masked_fill(~side, -torch.inf).logsumexp(dim=2).mean(dim=1)
