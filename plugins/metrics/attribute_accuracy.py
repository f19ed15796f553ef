"""The share of attributes that are answered rightly."""

from __future__ import annotations

from torch import Tensor

from ...core.contracts import Form
from ...core.contracts.specs import MISSING
from ..forms import Multilabel
from .adapter import Adapter


class AttributeAccuracy(Adapter):
    """The share of right answers, over all known attributes of all samples; yes from one half on.

    Raises `Incompatible` unless the answer is attributes.
    """

    direction = "higher"
    bounds = (0.0, 1.0)
    forms = (Multilabel,)
    refusal = "needs attributes, got a {} answer"

    def __init__(self, target: Form) -> None:
        settings = {"average": "micro", "ignore_index": MISSING, "validate_args": False}
        library = "torchmetrics.classification:MultilabelAccuracy"
        super().__init__(target, library, num_labels=len(target.labels) or 1, **settings)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of probabilities and attributes, `[B, K]`."""
        # From one half on, as everywhere; the library's threshold is above it.
        super().update((prediction >= 0.5).long(), target.long())
