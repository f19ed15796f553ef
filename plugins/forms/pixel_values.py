"""Quantities at every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from ...core.contracts import Form, Map
from ...core.contracts.specs import ImageSpec, Symmetry

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from ...core.contracts.warp import Warp

_OF_RATIOS = ("relative-error", "delta-1", "delta-2", "delta-3")
"""What judges values that are all above 0."""

_FAINT = 1e-6
"""By how much all pixels together count where one has no value in any image."""


@dataclass(frozen=True)
class PixelValues(Form):
    """Named quantities at every pixel, such as depth. Raw output and prediction: values `[B, n, H, W]`.

    Targets are float32 `[B, n, H, W]`, NaN where a value is not known; a sample without any value has no
    target. A head answers in units of the values' spread over the training labels, one mean and deviation for
    each quantity, and the model puts them in `units`. `positive`: all values are above 0, as distances are.
    `directed`: the first two are components, to the right and upwards, of a direction in the image, such as a
    surface normal or a flow: when the image turns, they turn.

    >>> PixelValues(("depth",), 4, 6, "m", positive=True).output_shape
    (1, 4, 6)
    """

    names: tuple[str, ...]
    height: int
    width: int
    units: str = ""
    positive: bool = False
    directed: bool = False

    form = "pixel-values"
    head = "decoder"
    loss = "smooth-l1"
    metrics = ("rmse", "mae")
    partial = True

    def __post_init__(self) -> None:
        if self.directed and (len(self.names) < 2 or self.positive):
            raise ValueError("a direction has two components or more, of either sign")

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.names), self.height, self.width)

    @property
    def drawing(self) -> Map:
        return Map(self.names, self.units, height=self.height, width=self.width)

    @property
    def quantities(self) -> int:
        return len(self.names)

    @property
    def moves_with_pixels(self) -> bool:
        return True

    @property
    def default_metrics(self) -> tuple[str, ...]:
        return (*self.metrics, *_OF_RATIOS) if self.positive else self.metrics

    def meaning(self, *, raw: bool) -> str:
        return f"values in {self.units} at each pixel" if self.units else "values at each pixel"

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        problem = super().column_problem(column, count)
        if problem is None and self.positive:
            return self.strange_entries(column, column <= 0, "must be above 0, or NaN where it is not known")
        return problem

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return the sum of the values and how many there are, at each pixel.

        All pixels together count a little everywhere, which decides where a pixel has no value.
        """
        known = ~targets.isnan()
        total, count = targets.nansum(dim=0), known.sum(dim=0).float()
        number = count.sum(dim=(1, 2), keepdim=True)
        mean = total.sum(dim=(1, 2), keepdim=True) / number.clamp(min=1.0)
        faint = _FAINT * (number > 0)
        return total + faint * mean, count + faint

    def constant(self, prediction: Tensor) -> str:
        return "the training mean at each pixel"

    def move(self, target: Tensor, turns: int, mirrored: bool, symmetry: Symmetry | None) -> Tensor:
        moved = super().move(target, turns, mirrored, symmetry)
        if not self.directed:
            return moved
        right, up = moved[:, 0], moved[:, 1]
        right = -right if mirrored else right
        for _ in range(turns % 4):
            right, up = -up, right
        return self._directed(moved, right, up)

    def warp(self, target: Tensor, warp: Warp) -> Tensor:
        moved = super().warp(target, warp)
        if not self.directed:
            return moved
        right, up = warp.turned(moved[:, 0], moved[:, 1], self.height, self.width)
        return self._directed(moved, right, up)

    def _directed(self, values: Tensor, right: Tensor, up: Tensor) -> Tensor:
        import torch

        return torch.cat([torch.stack([right, up], dim=1), values[:, 2:]], dim=1)

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        if column.ndim != 4 or column.shape[2:] != image.shape[1:]:
            return None
        return cls(tuple(map(str, range(column.shape[1]))), *column.shape[2:])

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        size = (image.height, image.width)
        return (cls(("depth",), *size, "m", positive=True), cls(("x", "y", "z"), *size, directed=True))

    def draw(self, count: int, generator: Generator) -> Tensor:
        return super().draw(count, generator) + (0.01 if self.positive else 0.0)
