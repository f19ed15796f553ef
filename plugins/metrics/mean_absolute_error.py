"""The mean absolute error."""

from __future__ import annotations

from ...core.contracts import Form
from .element_error import ElementError, RoundOption


class MeanAbsoluteError(ElementError):
    """The mean over all samples and all values or pixels of the absolute error, in the values' units."""

    def __init__(self, target: Form, *, round: RoundOption = False) -> None:
        super().__init__(target, "torchmetrics:MeanAbsoluteError", round)
