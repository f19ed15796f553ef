"""Cohen's kappa with quadratic weights."""

from __future__ import annotations

from ...core.contracts import Form
from ..forms import Ordinal
from .class_metric import ClassMetric


class QuadraticKappa(ClassMetric):
    """How far answers agree with the right classes beyond chance; 1 is perfect, 0 what chance gives.

    Disagreement counts by the square of the distance in ranks. Raises `Incompatible` unless classes have an
    order.
    """

    bounds = (-1.0, 1.0)
    forms = (Ordinal,)
    refusal = "needs classes in order, not the answer form {!r}"

    def __init__(self, target: Form) -> None:
        super().__init__(target, "torchmetrics:CohenKappa", weights="quadratic")
