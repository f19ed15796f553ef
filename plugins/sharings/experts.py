"""What schemes with experts have in common: what gates read, how they weigh, how experts are mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.contracts import Encoder
from ...core.contracts.inputs import Vectors
from ...core.contracts.specs import ImageSpec

SIDE = 32
"""Gates read at most so many pixels along each side: larger images are averaged over blocks first."""


class ImageReader(nn.Module):
    """Turns images `[B, C, H, W]` into the vectors `[B, size]` that gates read: all pixels, in order.

    Beyond 32 pixels along a side, blocks of `ceil(side / 32)` are averaged; an incomplete last block is
    left out. Where there are vectors in the image's place, gates read these as they are.

    >>> ImageReader(ImageSpec(1, 28, 28)).size, ImageReader(ImageSpec(3, 64, 100)).size
    (784, 2400)
    """

    def __init__(self, image: ImageSpec | Vectors) -> None:
        super().__init__()
        self.block: tuple[int, ...] = (1, 1)
        if isinstance(image, Vectors):
            self.size = image.size
            return
        self.block = tuple(-(-side // SIDE) for side in (image.height, image.width))
        down, right = self.block
        self.size = image.channels * (image.height // down) * (image.width // right)

    def forward(self, image: Tensor) -> Tensor:
        if self.block != (1, 1):
            image = functional.avg_pool2d(image, self.block)
        return image.flatten(1)


class SoftmaxGate(nn.Module):
    """Weighs experts by `softmax(W x)`: vectors `[B, size]` to weights `[B, experts]` that sum to 1."""

    def __init__(self, size: int, experts: int) -> None:
        super().__init__()
        self.layer = nn.Linear(size, experts, bias=False)

    def forward(self, seen: Tensor) -> Tensor:
        weights: Tensor = self.layer(seen).softmax(dim=-1)
        return weights


def mixture(weights: Tensor, outputs: Tensor) -> Tensor:
    """Return `sum_e weights[:, e] * outputs[:, e]`: `[B, E]` and `[B, E, ...]` give `[B, ...]`.

    >>> mixture(torch.tensor([[0.25, 0.75]]), torch.tensor([[[4.0, 0.0], [0.0, 4.0]]]))
    tensor([[1., 3.]])
    """
    mixed = torch.einsum("be,bef->bf", weights, outputs.flatten(2))
    return mixed.reshape(-1, *outputs.shape[2:])


def encoders_of(modules: nn.Module) -> list[Encoder]:
    """Return the encoders in a module list."""
    return cast("list[Encoder]", list(cast("nn.ModuleList", modules)))


def encode(experts: nn.Module, image: Tensor, inputs: Mapping[str, Tensor]) -> list[tuple[Tensor, ...]]:
    """Return every stage's output of every encoder: a list by expert of tuples by stage."""
    return [encoder(image, inputs) for encoder in encoders_of(experts)]


def by_stage(outputs: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Return for every stage the experts' outputs as one tensor `[B, E, ...]`."""
    return tuple(torch.stack(stage, dim=1) for stage in zip(*outputs, strict=True))


def numbered(name: str, count: int) -> list[str]:
    """Return names for several of a kind; one alone needs no number.

    >>> numbered("shared", 2), numbered("shared", 1)
    (['shared 1', 'shared 2'], ['shared'])
    """
    return [f"{name} {number}" for number in range(1, count + 1)] if count > 1 else [name]


def fused(encoders: nn.ModuleList) -> frozenset[str]:
    """Return the names of the extra inputs that any of the encoders reads."""
    return frozenset().union(*(encoder.fuses for encoder in encoders_of(encoders)))


def parameters_of(*modules: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of several modules."""
    return [parameter for module in modules for parameter in module.parameters()]
