"""An angle as a form of answer. `mtl predict` imports this module where there is no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtl.contracts import Described, Form, Values

if TYPE_CHECKING:
    from torch import Tensor

COMPONENTS = ("to the right", "upwards")


class Compass(Values):
    """Shows the components of directions, as any values, and says them in degrees too."""

    def describe(self, predictions: Any) -> list[Described]:
        degrees = np.rad2deg(np.arctan2(predictions[:, 1], predictions[:, 0])).tolist()
        return [
            Described(f"{angle:.1f} degrees ({said.text})", {**said.value, "degrees": angle})
            for angle, said in zip(degrees, super().describe(predictions), strict=True)
        ]


@dataclass(frozen=True)
class Angle(Form):
    """A direction in the image, as the vector of its cosine and sine: to the right, and upwards, `[B, 2]`.

    Degrees would have a seam: 359 and 1 are 2 apart, and no mean of numbers says so. Vectors have none: the
    mean over views or samples is the right one, and the length of an answer says how sure it is. Targets are
    float32 `[B, 2]` of length 1, NaN where there is none. They turn and are mirrored with the image.
    """

    form = "angle"
    head = "linear"
    loss = "half-chord"
    metrics = ("mean-angle",)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def drawing(self) -> Compass:
        return Compass(COMPONENTS)

    @property
    def entries(self) -> int:
        return 0

    @property
    def moves(self) -> bool:
        return True

    def meaning(self, *, raw: bool) -> str:
        return "a direction, to the right and upwards; its length says how sure it is"

    def column_problem(self, column: Any, count: int) -> str | None:
        problem = super().column_problem(column, count)
        if problem is not None:
            return problem
        strange = abs(np.hypot(column[:, 0], column[:, 1]) - 1) > 1e-3
        return self.strange_entries(column[:, 0], strange, "must be the cosine and the sine of an angle")

    def constant(self, prediction: Tensor) -> str:
        return "the mean direction of the training split"

    def move(self, target: Tensor, turns: int, mirrored: bool, symmetry: Any) -> Tensor:
        import torch

        right, up = target.unbind(dim=-1)
        right = -right if mirrored else right
        for _ in range(turns % 4):
            right, up = -up, right
        return torch.stack([right, up], dim=-1)

    def warp(self, target: Tensor, warp: Any) -> Tensor:
        """Return directions in images turned a little; the matrix goes from the new image to the old one."""
        import torch

        if not warp.turns:
            return target
        matrix, (right, up) = warp.matrix, target.unbind(dim=-1)
        cosine = matrix[:, 0, 0]
        # The product is free of the ratio of the image's sides, by which the two sines differ.
        sine = (-matrix[:, 0, 1] * matrix[:, 1, 0]).clamp(min=0.0).sqrt() * matrix[:, 1, 0].sign()
        return torch.stack([cosine * right - sine * up, sine * right + cosine * up], dim=-1)

    @classmethod
    def specimens(cls, image: Any) -> tuple[Angle, ...]:
        return (cls(),)

    def draw(self, count: int, generator: Any) -> Tensor:
        import torch

        angle = 2 * torch.pi * torch.rand(count, generator=generator)
        return torch.stack([angle.cos(), angle.sin()], dim=-1)
