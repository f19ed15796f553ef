"""Points, from maps of where each is."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import refuse
from ...core.contracts import Head, HeadSpec
from ...core.contracts.batch import Features
from ...core.contracts.specs import FeatureSpec
from ..forms import Points
from ..layers import ELU


class SoftArgmax(Head):
    """Raw outputs `[B, K, 3]` of named points: the mean place of a map of probabilities, and visibility.

    The stages that are maps are brought to `width` channels on the grid of the finest one of at most
    `finest` pixels, and added; two convolutions make a map for each point. Its softmax is where the point
    may be, and the mean place is the answer (Sun et al. 2018, "Integral human pose regression"), which is
    finer than the grid. Whether it is visible is told from the features where it is, and from all of them.
    An encoder without maps is served by a linear layer that starts in the middle of the image. Raises
    `Incompatible` for targets that are no points.
    """

    def __init__(
        self,
        spec: HeadSpec,
        *,
        width: Annotated[int, Field(ge=1, description="Channels of the maps.")] = 32,
        finest: Annotated[int, Field(ge=2, description="Longest side of the maps, in pixels.")] = 32,
    ) -> None:
        super().__init__()
        refuse(self.accepts(spec))
        points = spec.target.output_shape[0]
        maps = [stage for stage in spec.stages if stage.is_map]
        self.answer = (
            _Places(spec.stages, points, width, finest) if maps else _Vector(spec.stages[-1], points)
        )

    @classmethod
    def accepts(cls, spec: HeadSpec) -> str | None:
        """Return why there are no points to answer, or None."""
        return (
            None if isinstance(spec.target, Points) else f"answers points, the target is {spec.target.form}"
        )

    def forward(self, features: Features) -> Tensor:
        output: Tensor = self.answer(features.stages)
        return output


class _Vector(nn.Module):
    def __init__(self, stage: FeatureSpec, points: int) -> None:
        super().__init__()
        self.shape = (points, 3)
        self.layer = nn.Linear(stage.size, 3 * points)
        with torch.no_grad():
            self.layer.bias.view(self.shape)[:, :2].fill_(0.5)

    def forward(self, stages: tuple[Tensor, ...]) -> Tensor:
        output: Tensor = self.layer(stages[-1].flatten(1))
        return output.reshape(-1, *self.shape)


class _Places(nn.Module):
    """Places as the means of maps; `centres` are those of the grid's pixels, `[N, 2]`."""

    centres: Tensor

    def __init__(self, stages: tuple[FeatureSpec, ...], points: int, width: int, finest: int) -> None:
        super().__init__()
        self.used, self.grid = _grid(stages, finest)
        self.sources = nn.ModuleList(_source(stages[index], width) for index in self.used)
        self.trunk = nn.Sequential(ELU(), nn.Conv2d(width, width, 3, padding=1), ELU())
        self.heat = nn.Conv2d(width, points, 1)
        self.there = nn.Linear(width, points)
        self.everywhere = nn.Linear(width, points, bias=False)
        height, wide = self.grid
        rows, columns = (torch.arange(height) + 0.5) / height, (torch.arange(wide) + 0.5) / wide
        centres = torch.stack([columns.repeat(height), rows.repeat_interleave(wide)], dim=1)
        self.register_buffer("centres", centres, persistent=False)

    def forward(self, stages: tuple[Tensor, ...]) -> Tensor:
        total: Tensor | None = None
        for index, source in zip(self.used, self.sources, strict=True):
            part = source(stages[index])
            if part.shape[-2:] not in (self.grid, (1, 1)):
                part = F.interpolate(part, self.grid, mode="bilinear")
            total = part if total is None else total + part
        features = self.trunk(total)
        where = self.heat(features).flatten(2).softmax(dim=-1)
        pixels = features.flatten(2).transpose(1, 2)
        # What is seen at each point, [B, K, width], beside what is seen in the whole image.
        near = (where @ pixels * self.there.weight).sum(dim=-1) + self.there.bias
        visible = near + self.everywhere(pixels.mean(dim=1))
        return torch.cat([where @ self.centres, visible.unsqueeze(-1)], dim=-1)


def _grid(stages: tuple[FeatureSpec, ...], finest: int) -> tuple[list[int], tuple[int, int]]:
    """Return which stages are read, and height and width of the finest map among them."""
    sizes = {
        index: (stage.height, stage.width)
        for index, stage in enumerate(stages)
        if stage.height is not None and stage.width is not None
    }
    smallest = min(sizes.values(), key=max)
    fitting = {index: size for index, size in sizes.items() if max(size) <= max(finest, *smallest)}
    used = [index for index in range(len(stages)) if index in fitting or index not in sizes]
    # A map before a vector: the sum of the first two decides the shape.
    used.sort(key=lambda index: index not in fitting)
    return used, max(fitting.values(), key=max)


def _source(stage: FeatureSpec, width: int) -> nn.Module:
    if stage.is_map:
        return nn.Conv2d(stage.channels, width, 1)
    # A vector says what is in the image, not where.
    return nn.Sequential(nn.Linear(stage.size, width), nn.Unflatten(1, (width, 1, 1)))
