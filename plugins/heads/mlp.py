"""Hidden layers of its own on the encoder's answer."""

from __future__ import annotations

from math import prod
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ...core.batch import Features
from ...core.contracts import Head, HeadSpec
from ...core.errors import Incompatible
from ..layers import Activation, dense_layers, refuse_image


class MLPHead(Head):
    """Hidden layers, then a linear one, on the flattened last stage: logits or values `[B, *output_shape]`.

    Raises `Incompatible` for an image target, and when several activations are given but not one per layer.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        hidden: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...], Field(description="Width of every hidden layer.")
        ] = (64,),
        activation: Annotated[
            Activation | tuple[Activation, ...], Field(description="One for all layers, or one per layer.")
        ] = "relu",
        dropout: Annotated[float, Field(ge=0, lt=1, description="Dropout after every activation.")] = 0.0,
    ) -> None:
        super().__init__()
        reason = self.accepts(spec)
        if reason is not None:
            raise Incompatible(reason)
        self.output_shape = spec.target.output_shape
        width = spec.stages[-1].size
        blocks = dense_layers(width, hidden, activation, dropout)
        last = nn.Linear((width, *hidden)[-1], prod(self.output_shape))
        self.layers = nn.Sequential(nn.Flatten(), *blocks, last)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the target cannot be answered (it is an image), or None."""
        return refuse_image(spec.target)

    def forward(self, features: Features) -> Tensor:
        output: Tensor = self.layers(features.stages[-1])
        return output.reshape(-1, *self.output_shape)
