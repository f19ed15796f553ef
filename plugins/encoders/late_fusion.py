"""An image encoder and a vector encoder, joined by their answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible
from ...core.contracts import Encoder, WantedPreparation
from ...core.contracts.encoder import AskEncoder
from ...core.contracts.inputs import ModelInput, Vectors, VectorSpec, numbers_among, vectors_among
from ...core.contracts.specs import FeatureSpec, ImageSpec
from ..layers import HiddenWidths

EncoderChoice = str | dict[str, Any]


class LateFusion(Encoder):
    """Reads an image and vectors by an encoder each, puts their answers side by side, and goes on from there.

    Stages: those of the image encoder, `fuse` (its flattened answer beside the vector encoder's), then
    `fused1`, `fused2`, ... as wide as `hidden` says. Raises `Incompatible` unless there are an image and a
    vector.
    """

    reads = frozenset({"image", "vector", "number"})
    joins = True

    def __init__(
        self,
        image: ImageSpec,
        inputs: Sequence[ModelInput],
        make: Callable[..., Encoder],
        *,
        image_encoder: Annotated[
            EncoderChoice, Field(description="Reads the image: its name, or a mapping with name and options.")
        ] = "lenet",
        vector_encoder: Annotated[
            EncoderChoice,
            Field(description="Reads the vectors: its name, or a mapping with name and options."),
        ] = "mlp",
        hidden: HiddenWidths = (64,),
    ) -> None:
        super().__init__()
        if (reason := self.accepts(image, inputs)) is not None:
            raise Incompatible(reason)
        vectors = vectors_among(inputs)
        pictured = make(image_encoder, image, numbers_among(inputs))
        # Its stages are parts of this encoder; registered whole as well, they would be there twice.
        self._pictured = (pictured,)
        self.origin = pictured.origin
        beside = make(vector_encoder, Vectors(vectors), ())
        self.fuses = pictured.fuses | {item.name for item in vectors}
        width = pictured.feature_specs[-1].size + beside.feature_specs[-1].size
        self.feature_specs = (
            *pictured.feature_specs,
            FeatureSpec(width),
            *(FeatureSpec(size) for size in hidden),
        )
        stages: OrderedDict[str, nn.Module] = OrderedDict(pictured.stages.named_children())
        stages["fuse"] = _Join(vectors, beside)
        for number, size in enumerate(hidden, 1):
            stages[f"fused{number}"] = nn.Sequential(nn.Linear(width, size), nn.ReLU())
            width = size
        self.stages = nn.Sequential(stages)

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[ModelInput]) -> str | None:
        """Return why the inputs cannot be served (no image, or no vector), or None."""
        if isinstance(image, Vectors):
            return "joins an image with vectors, and the data set has no images"
        return (
            None if vectors_among(inputs) else "joins an image with vectors, and the data set has no vectors"
        )

    @classmethod
    def preparation(cls, options: Mapping[str, Any], ask: AskEncoder) -> WantedPreparation | None:
        """Return what pictures the weights of the image encoder were trained on."""
        return ask(options["image_encoder"])

    def tap(self, index: int, features: Tensor) -> Tensor:
        (pictured,) = self._pictured
        return pictured.tap(index, features) if index < len(pictured.stages) else features

    def forward_stage(self, index: int, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        (pictured,) = self._pictured
        if index < len(pictured.stages):
            return pictured.forward_stage(index, features, inputs)
        stage = self.stages[index]
        output: Tensor = stage(features, inputs) if isinstance(stage, _Join) else stage(features)
        return output


class _Join(nn.Module):
    """Flattens features and appends what an encoder makes of vectors."""

    def __init__(self, vectors: Sequence[VectorSpec], encoder: Encoder) -> None:
        super().__init__()
        self.names = tuple(item.name for item in vectors)
        self.encoder = encoder

    def forward(self, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen = torch.cat([inputs[name] for name in self.names], dim=1)
        return torch.cat([features.flatten(1), self.encoder(seen, inputs)[-1].flatten(1)], dim=1)
