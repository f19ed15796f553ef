"""Makes the tasks' gradients orthogonal and equally long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from . import torchjd_adapter as torchjd
from .gradient_balancer import GradientBalancer, On


class AlignedComponents(GradientBalancer):
    """Aligned-MTL (Senushkin et al. 2023, equation 12, Algorithm 1): one singular value for all gradients.

    The aligned gradients `sigma U V^T` of `G = U S V^T` are averaged; `scale` is which singular value they
    take. Through torchjd.
    """

    capturable = False

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        scale: Annotated[
            Literal["min", "median", "rmse"], Field(description="The singular value all are made equal to.")
        ] = "min",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks, on)
        self.scale: Literal["min", "median", "rmse"] = scale

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        return torchjd.solved(gradients, torchjd.aligned_mtl(self.scale))
