"""One linear layer on the encoder's answer."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ..layers import DropoutInFront, dropout_layers, refuse_image


class Linear(Head):
    """One linear layer on the flattened last stage: logits or values `[B, *output_shape]`.

    Raises `Incompatible` for an image target.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        dropout: DropoutInFront = 0.0,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        self.output_shape = spec.target.output_shape
        layer = nn.Linear(spec.stages[-1].size, prod(self.output_shape))
        self.layers = nn.Sequential(nn.Flatten(), *dropout_layers(dropout), layer)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the target cannot be answered (it is an image), or None."""
        return refuse_image(spec.target)

    def forward(self, features: Features) -> Tensor:
        output: Tensor = self.layers(features.stages[-1])
        return output.reshape(-1, *self.output_shape)
