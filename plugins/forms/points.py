"""Named points of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ...core.contracts import Form, Marks
from ...core.contracts.specs import ImageSpec, Symmetry

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from ...core.contracts.warp import Warp


@dataclass(frozen=True)
class Points(Form):
    """Named points. Prediction: `[B, K, 3]`, x from the left and y from the top in 0..1, and visibility.

    The third number is the probability that the point is visible; what is said of the place of an invisible
    one means nothing. Raw output: places that may lie outside, and a logit. Targets are float32 `[B, K, 2]`,
    places in 0..1 and NaN for an invisible point; a sample without any visible point has no target.

    >>> Points(("left eye", "right eye")).output_shape
    (2, 3)
    """

    names: tuple[str, ...]

    form = "points"
    head = "soft-argmax"
    loss = "points"
    metrics = ("pck", "mean-distance", "visibility", "point-scores")
    partial = True

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (len(self.names), 3)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (len(self.names), 2)

    @property
    def drawing(self) -> Marks:
        return Marks(self.names)

    @property
    def entries(self) -> int:
        return len(self.names)

    @property
    def moves(self) -> bool:
        return True

    def meaning(self, *, raw: bool) -> str:
        last = "a logit" if raw else "the probability"
        return f"x from the left and y from the top in 0..1, and {last} that the point is visible"

    def predict(self, raw: Tensor) -> Tensor:
        import torch

        return torch.cat([raw[..., :2].clamp(0.0, 1.0), raw[..., 2:].sigmoid()], dim=-1)

    def predict_array(self, raw: NDArray[Any]) -> NDArray[Any]:
        # The hyperbolic tangent does not overflow.
        visible = 0.5 * (1.0 + np.tanh(0.5 * raw[..., 2:]))
        return np.concatenate([raw[..., :2].clip(0.0, 1.0), visible], axis=-1)

    def column_problem(self, column: NDArray[Any], count: int) -> str | None:
        problem = super().column_problem(column, count)
        if problem is not None:
            return problem
        outside = (column < 0) | (column > 1)
        return self.strange_entries(column, outside, "must lie in 0..1, or be NaN where invisible")

    def known(self, target: Tensor) -> Tensor:
        """Return whether each point is visible, bool, for both of its numbers, same shape."""
        return (~target.isnan()).all(dim=-1, keepdim=True).expand_as(target)

    def tally(self, targets: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return the sums of places and how many are visible; and in how many samples, of all."""
        import torch

        known = self.known(targets)
        visible = known[..., :1].sum(dim=0).float()
        places = targets.where(known, 0.0).sum(dim=0)
        samples = torch.full_like(visible, float(len(targets)))
        return torch.cat([places, visible], dim=-1), torch.cat([visible, visible, samples], dim=-1)

    def constant(self, prediction: Tensor) -> str:
        return "the mean place of each point"

    def move(self, target: Tensor, turns: int, mirrored: bool, symmetry: Symmetry | None) -> Tensor:
        """Return places of images that were mirrored and turned; a raw output's third number stays."""
        import torch

        x, y = target[..., 0], target[..., 1]
        x = 1.0 - x if mirrored else x
        for _ in range(turns % 4):
            x, y = y, 1.0 - x
        moved = torch.cat([torch.stack([x, y], dim=-1), target[..., 2:]], dim=-1)
        if symmetry is None:
            return moved
        return torch.stack([moved[:, old] for old in symmetry.after(turns, mirrored)], dim=1)

    def warp(self, target: Tensor, warp: Warp) -> Tensor:
        return warp.moved(target)

    @classmethod
    def guessed(cls, column: NDArray[Any], image: ImageSpec) -> Self | None:
        return cls(tuple(map(str, range(column.shape[1])))) if column.ndim == 3 else None

    @classmethod
    def specimens(cls, image: ImageSpec) -> tuple[Self, ...]:
        return (cls(("top", "right", "bottom", "left")),)

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Return places at random; of each sample the first point is visible, and three in four others."""
        import torch

        drawn = super().draw(count, generator)
        hidden = torch.rand(drawn.shape[:2], generator=generator) < 0.25
        hidden[:, 0] = False
        return drawn.masked_fill(hidden.unsqueeze(-1), float("nan"))

    def certain(self, target: Tensor) -> Tensor:
        """Return the places, one half for an invisible point, and whether each is visible."""
        import torch

        known = self.known(target)
        return torch.cat([target.where(known, 0.5), known[..., :1].float()], dim=-1)

    def ideal(self, target: Tensor) -> Tensor:
        import torch

        sure = self.certain(target)
        return torch.cat([sure[..., :2], 40.0 * sure[..., 2:] - 20.0], dim=-1)
