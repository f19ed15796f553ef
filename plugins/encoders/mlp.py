"""A multilayer perceptron on the flattened image, or on vectors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod
from typing import Annotated

from pydantic import Field
from torch import nn

from ...core.contracts import Encoder
from ...core.contracts.inputs import Vectors
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from ..layers import (
    Initialisation,
    LayerActivations,
    LayerDropout,
    VectorEmbedding,
    dense_layers,
    initialise,
)


class MLP(Encoder):
    """Linear layers with an activation each on the flattened image; every hidden layer is a stage.

    Stages `layer1`, `layer2`, ... are vectors as wide as `hidden` says. Any image is served; where a data
    set has vectors alone, these are, with each category embedded. Raises `Incompatible` when several
    activations are given but not one per layer.

    >>> MLP(ImageSpec(1, 28, 28), (), hidden=(500, 500), activation=("elu", "tanh")).feature_specs[-1].shape
    (500,)
    """

    reads = frozenset({"image", "vector", "number"})

    def __init__(
        self,
        image: ImageSpec | Vectors,
        inputs: Sequence[InputSpec],
        *,
        hidden: Annotated[
            tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, description="Width of every layer.")
        ] = (64, 32),
        activation: LayerActivations = "relu",
        dropout: LayerDropout = 0.0,
        initialisation: Annotated[Initialisation, Field(description="How the weights start.")] = "default",
    ) -> None:
        super().__init__()
        first = VectorEmbedding(image) if isinstance(image, Vectors) else nn.Flatten()
        size = first.size if isinstance(first, VectorEmbedding) else prod(image.shape)
        blocks = dense_layers(size, hidden, activation, dropout)
        blocks[0].insert(0, first)
        self.feature_specs = tuple(FeatureSpec(width) for width in hidden)
        self.stages = nn.Sequential(OrderedDict((f"layer{i}", block) for i, block in enumerate(blocks, 1)))
        initialise(self, initialisation)
