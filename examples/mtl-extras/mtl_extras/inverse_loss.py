"""Small losses weigh more, so that all tasks pull alike."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor

from mtl.contracts import Balancer

Power = Annotated[float, Field(ge=0, le=1, description="0 weighs all alike, 1 makes all terms equal.")]
Floor = Annotated[float, Field(gt=0, description="A loss below this counts as this.")]


class InverseLoss(Balancer):
    """Weights in proportion to `1 / loss ** power`, their mean 1; no gradient flows through them.

    >>> import torch
    >>> InverseLoss(["a", "b"]).weights(torch.tensor([1.0, 3.0]), None).tolist()
    [1.5, 0.5]
    """

    def __init__(self, tasks: Sequence[str], *, power: Power = 1.0, floor: Floor = 1e-3) -> None:
        super().__init__(tasks)
        self.power = power
        self.floor = floor

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        inverse = losses.detach().clamp(min=self.floor) ** -self.power
        return inverse / inverse.mean()
