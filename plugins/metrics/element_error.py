"""What the errors of values and pixels have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible
from ...core.contracts import Form
from ..forms import Image, PixelValues, Regression
from .adapter import Adapter

RoundOption = Annotated[
    bool, Field(description="Round predicted values to whole numbers first, as counts are; not for images.")
]


class ElementError(Adapter):
    """An error over all samples and all values of all names, or all pixels, together; what is known of them.

    Raises `Incompatible` for classes and for yes or no, and for `round` with an image.
    """

    forms = (Regression, Image, PixelValues)
    refusal = "needs values or an image, got a {} answer"

    def __init__(self, target: Form, library: str, round: bool, **settings: Any) -> None:
        super().__init__(target, library, **settings)
        if isinstance(target, Image):
            self.bounds = (0.0, 1.0)
            if round:
                raise Incompatible("option `round` is for counts, not for pixels")
        self.round = round

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of values or images, `[B, ...]`."""
        if self.target.partial:
            known = self.target.known(target)
            prediction, target = prediction[known], target[known]
        super().update(prediction.round() if self.round else prediction, target)
