"""A fully connected decoder: an image from the encoder's answer."""

from __future__ import annotations

from math import prod
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ..layers import (
    HiddenWidths,
    Initialisation,
    LayerActivations,
    LayerDropout,
    initialise,
    output_layers,
    refuse_no_pixels,
)


class DenseDecoder(Head):
    """Draws an image or a map `[B, C, H, W]` from the flattened last stage with linear layers only.

    With `latent` the image has to pass through that many numbers: the classical autoencoder
    (Hinton and Salakhutdinov 2006). Raises `Incompatible` for a target that has no pixels, and when several
    activations are given but not one per layer.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        latent: Annotated[
            int | None, Field(ge=1, description="Width of a linear bottleneck in front of the hidden layers.")
        ] = None,
        hidden: HiddenWidths = (500, 500),
        activation: LayerActivations = "relu",
        dropout: LayerDropout = 0.0,
        initialisation: Annotated[Initialisation, Field(description="How the weights start.")] = "default",
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        layers: list[nn.Module] = [nn.Flatten()]
        width = spec.stages[-1].size
        if latent is not None:
            layers.append(nn.Linear(width, latent))
            width = latent
        shape = spec.target.output_shape
        layers += output_layers(width, hidden, prod(shape), activation, dropout)
        self.layers = nn.Sequential(*layers, nn.Unflatten(1, shape))
        self._narrow = latent is not None
        initialise(self, initialisation)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why neither an image nor a map can be drawn there, or None."""
        return refuse_no_pixels(spec.target)

    def bottleneck(self) -> nn.Module | None:
        return self.layers[1] if self._narrow else None

    def forward(self, features: Features) -> Tensor:
        output: Tensor = self.layers(features.stages[-1])
        return output
