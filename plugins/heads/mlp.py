"""Hidden layers of its own on the encoder's answer."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ..layers import HiddenWidths, LayerActivations, LayerDropout, output_layers, refuse_image


class MLPHead(Head):
    """Hidden layers, then a linear one, on the flattened last stage: logits or values `[B, *output_shape]`.

    Raises `Incompatible` for an image target, and when several activations are given but not one per layer.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        hidden: HiddenWidths = (64,),
        activation: LayerActivations = "relu",
        dropout: LayerDropout = 0.0,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        self.output_shape = spec.target.output_shape
        width, outputs = spec.stages[-1].size, prod(self.output_shape)
        layers = output_layers(width, hidden, outputs, activation, dropout)
        self.layers = nn.Sequential(nn.Flatten(), *layers)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the target cannot be answered (it is an image), or None."""
        return refuse_image(spec.target)

    def forward(self, features: Features) -> Tensor:
        output: Tensor = self.layers(features.stages[-1])
        return output.reshape(-1, *self.output_shape)
