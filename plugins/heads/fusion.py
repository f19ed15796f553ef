"""Answers from the image's features together with extra inputs."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features, one_hot
from ..layers import HiddenWidths, LayerActivations, LayerDropout, output_layers, refuse_image


class Fusion(Head):
    """Hidden layers on the flattened last stage beside the task's one-hot extra inputs.

    Gives logits or values `[B, *output_shape]`. Adding two digits takes two hidden layers, the default.
    Raises `Incompatible` for an image target, for a task without an extra input, and when several
    activations are given but not one per layer.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        hidden: HiddenWidths = (128, 128),
        activation: LayerActivations = "relu",
        dropout: LayerDropout = 0.0,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        self.inputs = tuple(spec.inputs)
        self.fuses = frozenset(extra.name for extra in self.inputs)
        self.output_shape = spec.target.output_shape
        width = spec.stages[-1].size + sum(extra.count for extra in self.inputs)
        layers = output_layers(width, hidden, prod(self.output_shape), activation, dropout)
        self.layers = nn.Sequential(*layers)

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why the task cannot be answered (an image, or nothing to fuse), or None."""
        return refuse_image(spec.target) or (None if spec.inputs else "needs a task with an extra input")

    def forward(self, features: Features) -> Tensor:
        extra = [one_hot(spec, features.inputs[spec.name]) for spec in self.inputs]
        output: Tensor = self.layers(torch.cat([features.stages[-1].flatten(1), *extra], dim=1))
        return output.reshape(-1, *self.output_shape)
