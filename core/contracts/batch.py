"""What travels through the training step: a batch of inputs with labels, and the features of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from .specs import MISSING as MISSING
from .specs import InputSpec


class Mixture(NamedTuple):
    """Of images that were each made of two: the row of the other one, int64 `[B]`, and the share of the own.

    `share` is float32 `[B]` in 0..1: a sample's loss is so much of that of its own target, and the rest of
    that of its partner's.
    """

    partner: Tensor
    share: Tensor


@dataclass(frozen=True)
class Batch:
    """Images with their labels, all on one device.

    `image` is float32 `[B, C, H, W]` in 0..1, `[B, 0, 0, 0]` where the data set has none; `labels` are
    the data set's columns (int64 `[B]` with -1 for absent, or float32 `[B, n]` with NaN for absent) and
    what tasks added; `inputs` are what the model reads beside the image: the data set's raw vectors, float32
    `[B, width]`, and the tasks' whole numbers, int64 `[B]`. `mixture` says of what the images were mixed,
    where they were; labels are those of the samples themselves.
    """

    image: Tensor
    labels: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    mixture: Mixture | None = None


class Features(NamedTuple):
    """What a head sees: every stage's output (the last one is the encoder's answer), image and inputs.

    `image` is `[B, C, H, W]` in 0..1, before normalisation. Of the inputs, vectors are prepared: float32
    `[B, prepared]`.
    """

    stages: tuple[Tensor, ...]
    image: Tensor
    inputs: Mapping[str, Tensor]


def one_hot(spec: InputSpec, value: Tensor) -> Tensor:
    """Return the input `[B]` as float32 `[B, spec.count]`.

    >>> one_hot(InputSpec("number", 3), torch.tensor([2])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    # Comparison instead of `functional.one_hot`, which reads the values back from the device.
    return (value.unsqueeze(1) == torch.arange(spec.count, device=value.device)).float()
