"""An image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from numpy.typing import NDArray

from ...core.contracts import Activation, Form, Picture
from ...core.contracts.specs import ImageSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Image(Form):
    """An image. Raw output `[B, C, H, W]`; prediction in 0..1, and so are targets, which are never absent.

    `link="identity"`: the raw output is pixel values, the prediction is clamped to 0..1.
    `link="logit"`: the raw output is one logit per pixel, the prediction is its sigmoid.
    """

    channels: int
    height: int
    width: int
    link: Literal["identity", "logit"] = "identity"

    form = "image"
    head = "decoder"
    loss = "mse"
    metrics = ("psnr", "ssim")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.channels, self.height, self.width)

    @property
    def drawing(self) -> Picture:
        return Picture(channels=self.channels, height=self.height, width=self.width)

    @property
    def activation(self) -> Activation:
        return "sigmoid" if self.link == "logit" else "clamp"

    @property
    def is_image(self) -> bool:
        return True

    def meaning(self, *, raw: bool) -> str:
        if raw:
            return "one logit per pixel" if self.link == "logit" else "pixel values, not clamped"
        return "image in 0..1"

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        problem = super().column_problem(column, count)
        # Written so that NaN fails it too.
        inside = problem is not None or not column.size or (column.min() >= 0 and column.max() <= 1)
        return problem if inside else "must lie in 0..1"

    def present(self, target: Tensor) -> None:
        return None

    def constant(self, prediction: Tensor) -> str:
        return "the mean training image"

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        return cls(*column.shape[1:]) if column.ndim == 4 else None

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(*image.shape), cls(*image.shape, link="logit"))
