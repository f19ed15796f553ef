"""Binary cross-entropy of several attributes, of which some may not be known."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Loss
from ..forms import Multilabel
from .elements import known_mean


class AttributeBinaryCrossEntropy(Loss):
    """The mean of the binary cross-entropies, in nats, of the attributes that are known of a sample.

    From logits `[B, K]` and targets `[B, K]`, -1 where not known. The sigmoid is part of the loss.
    Raises `Incompatible` unless the answer is attributes.
    """

    mixes = True

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        refuse(self.accepts(target))

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for attributes, else the reason."""
        return None if isinstance(target, Multilabel) else f"needs attributes, got a {target.form} answer"

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss `[B]`; 0 where nothing is known."""
        wanted = target.clamp(min=0).to(raw.dtype)
        error = F.binary_cross_entropy_with_logits(raw, wanted, reduction="none")
        return known_mean(error, self.target.known(target))
