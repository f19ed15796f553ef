"""What judges angles."""

import torch
from torch import Tensor

from mtl.contracts import Form, Loss, Metric

from .form import Angle


def refusal(target: Form) -> str | None:
    """Return why something that knows angles alone cannot judge an answer, or None."""
    return None if isinstance(target, Angle) else f"judges angles, not {target.form}"


class HalfChord(Loss):
    """Half the squared distance of the vectors: of two that have length 1, one minus the cosine of the error.

    The answer with the least is the mean of the directions that are possible, shorter the more they differ.
    """

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        return refusal(target)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (raw - target).square().sum(dim=1)


class MeanAngle(Metric):
    """The mean error in degrees, the short way round: 0 to 180."""

    direction, bounds = "lower", (0.0, 180.0)
    sums: Tensor

    def __init__(self, target: Form) -> None:
        super().__init__(target)
        self.register_buffer("sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        return refusal(target)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        (x, y), (right, up) = prediction.double().unbind(dim=1), target.double().unbind(dim=1)
        error = torch.atan2(x * up - y * right, x * right + y * up).abs().rad2deg()
        self.sums += torch.stack([error.sum(), torch.ones_like(error).sum()])

    def compute(self) -> Tensor:
        return self.sums[0] / self.sums[1]

    def reset(self) -> None:
        self.sums.zero_()
