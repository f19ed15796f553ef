"""What networks are cut into: stages that hold a part of a library's network and run it as it does."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

Stages = dict[str, nn.Module]
"""The stages of a network in order, by name; the last one gives what the library's classifier reads."""

GROUPS = 4
"""Stages that the equal blocks of a transformer are cut into, where it has so many blocks."""


class Stage(nn.Module):
    """A part of a network, and how the library runs it: `run(part, features)`.

    `shown` turns what goes on to the next stage into what heads see, where these differ.
    """

    def __init__(
        self,
        part: nn.Module,
        run: Callable[[Any, Tensor], Tensor],
        shown: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.part = part
        self.run = run
        self.shown = shown

    def forward(self, features: Tensor) -> Tensor:
        return self.run(self.part, features)


def joined(stages: Stages) -> nn.Sequential:
    """Return the stages as an encoder holds them."""
    return nn.Sequential(OrderedDict(stages))


def shown(stage: nn.Module, features: Tensor) -> Tensor:
    """Return what heads see of a stage's answer."""
    return features if not isinstance(stage, Stage) or stage.shown is None else stage.shown(features)


def part_of(network: nn.Module, children: Iterable[str], parameters: Iterable[str] = ()) -> nn.Module:
    """Return the network with these children and parameters of its own only; its methods and settings stay.

    Nothing is copied: the layers are the network's.

    >>> network = nn.TransformerDecoderLayer(d_model=4, nhead=1)
    >>> [name for name, _ in part_of(network, ["norm1", "linear1"]).named_children()]
    ['linear1', 'norm1']
    """
    part = copy.copy(network)
    kept, own = set(children), set(parameters)
    part._modules = {name: child for name, child in network._modules.items() if name in kept}
    part._parameters = {name: value for name, value in network._parameters.items() if name in own}
    part._buffers = dict(network._buffers)
    return part


def grouped(blocks: Sequence[nn.Module]) -> Iterator[nn.Sequential]:
    """Yield the blocks in at most four groups of one size; the last may be smaller.

    >>> [len(group) for group in grouped([nn.Identity() for _ in range(12)])]
    [3, 3, 3, 3]
    >>> [len(group) for group in grouped([nn.Identity() for _ in range(2)])]
    [1, 1]
    """
    size = max(1, -(-len(blocks) // GROUPS))
    for start in range(0, len(blocks), size):
        yield nn.Sequential(*blocks[start : start + size])


def by_resolution(layers: Sequence[nn.Module]) -> Stages:
    """Return layers as stages: the first alone, `stem`, then cut before each one that halves the map.

    >>> halving = nn.Conv2d(1, 1, 3, stride=2)
    >>> list(by_resolution([halving, nn.Identity(), halving, nn.Identity()]))
    ['stem', 'stage1', 'stage2']
    """
    first, *others = layers
    groups: list[list[nn.Module]] = []
    for layer in others:
        if not groups or _halves(layer):
            groups.append([])
        groups[-1].append(layer)
    named = {f"stage{number}": nn.Sequential(*group) for number, group in enumerate(groups, 1)}
    return {"stem": first, **named}


def _halves(layer: nn.Module) -> bool:
    found = (part for part in layer.modules() if isinstance(part, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d))
    return any(_side(part.stride) > 1 for part in found)


def _side(stride: Any) -> int:
    return int(max(stride)) if isinstance(stride, tuple) else int(stride)


@dataclass(frozen=True)
class TokenMap:
    """Shows tokens `[B, C, N]` as a map `[B, C, height, width]`, without the `prefix` ones in front."""

    height: int
    width: int
    prefix: int

    def __call__(self, tokens: Tensor) -> Tensor:
        patches = tokens[:, :, self.prefix :]
        return patches.reshape(*patches.shape[:2], self.height, self.width)


def run_tokens(blocks: Any, tokens: Tensor) -> Tensor:
    """Run blocks of `[B, N, C]` on tokens `[B, C, N]`, whose channels lie where all features have them."""
    answer: Tensor = blocks(tokens.transpose(1, 2))
    return answer.transpose(1, 2)


def run_innermost(layers: Any, features: Tensor) -> Tensor:
    """Run layers of `[B, H, W, C]` on a map `[B, C, H, W]`."""
    answer: Tensor = layers(features.permute(0, 2, 3, 1))
    return answer.permute(0, 3, 1, 2)


def innermost_to_map(layers: Any, image: Tensor) -> Tensor:
    """Run layers that turn an image into `[B, H, W, C]`; return the map `[B, C, H, W]`."""
    answer: Tensor = layers(image)
    return answer.permute(0, 3, 1, 2)
