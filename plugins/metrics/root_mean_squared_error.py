"""The root of the mean squared error."""

from __future__ import annotations

from ...core.contracts import Form
from .element_error import ElementError, RoundOption


class RootMeanSquaredError(ElementError):
    """The root of the mean, over all samples and all values or pixels together, of the squared error.

    In the values' units. Not the mean over names of each one's own root.
    """

    def __init__(self, target: Form, *, round: RoundOption = False) -> None:
        super().__init__(target, "torchmetrics:MeanSquaredError", round, squared=False)
