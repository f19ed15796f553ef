"""One encoder for all tasks, and for every task attention over each of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.contracts import EncoderBuilder, LearnedTable, Sharing
from ...core.contracts.specs import FeatureSpec
from .experts import parameters_of


class MTAN(Sharing):
    """Multi-task attention network (Liu et al. 2019): a task picks its features from a shared encoder.

    At stage `j` with shared features `p_j`, task `k` sees `a_k_j * p_j` (equation 1), element by element,
    where the attention is `a_k_j = h(g([p_j; f(what the task saw at stage j - 1)]))` (equation 2); the
    first stage has `p_1` alone. `g` ends in ReLU and `h` in a sigmoid.

    Maps: `g` and `h` are 1 x 1 convolutions, `f` is a 3 x 3 convolution with ReLU, pooled to the next map's
    size; all are batch-normalised where the map has more than one pixel (one alone has no deviation in a
    batch of one). Vectors: `f`, `g` and `h` are linear layers without normalisation, and `f` reads a map
    averaged over its area. The paper splits a stage in two and lets the attention read the first half;
    stages here are whole, and it reads what it is applied to.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        reduction: Annotated[
            int, Field(ge=1, description="The attention's hidden layer is so many times narrower.")
        ] = 1,
    ) -> None:
        super().__init__(tasks, build_encoder)
        self.encoder = build_encoder()
        specs = self.encoder.feature_specs
        self.stage_names = tuple(name for name, _ in self.encoder.stages.named_children())
        self.attentions = nn.ModuleList(
            nn.ModuleList(
                Attention(before, here, reduction)
                for before, here in zip((None, *specs[:-1]), specs, strict=True)
            )
            for _ in self.tasks
        )
        self.feature_specs = dict.fromkeys(self.tasks, specs)
        self.fuses = self.encoder.fuses

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        attended = self._attend(image, inputs, tasks)
        return {task: tuple(seen for seen, _ in stages) for task, stages in attended.items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        return parameters_of(self.encoder) if len(self.tasks) > 1 else []

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        attended = self._attend(image, inputs, self.tasks)
        means = torch.stack([torch.stack([mask.mean() for _, mask in attended[task]]) for task in self.tasks])
        meaning = "Mean attention of a task over a stage's features: 0 lets nothing through, 1 everything."
        return (LearnedTable.of("Attention", meaning, self.tasks, self.stage_names, means),)

    def _attend(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, list[tuple[Tensor, Tensor]]]:
        """Return for each task and stage what the task sees, and the attention that made it."""
        shared = self.encoder(image, inputs)
        attentions = dict(zip(self.tasks, cast("list[nn.ModuleList]", list(self.attentions)), strict=True))
        found: dict[str, list[tuple[Tensor, Tensor]]] = {task: [] for task in tasks}
        for task in tasks:
            seen: Tensor | None = None
            for attention, features in zip(attentions[task], shared, strict=True):
                mask = attention(features, seen)
                seen = mask * features
                found[task].append((seen, mask))
        return found


class Attention(nn.Module):
    """The attention of one task at one stage: features of form `here` and what the task saw `before`.

    Returns values in 0..1 of the features' shape.
    """

    def __init__(self, before: FeatureSpec | None, here: FeatureSpec, reduction: int) -> None:
        super().__init__()
        width = max(1, here.channels // reduction)
        self.carry = None if before is None else _carry(before, here)
        seen = here.channels * (1 if before is None else 2)
        self.gather = nn.Sequential(*_mixing(seen, width, here), nn.ReLU())
        self.mask = nn.Sequential(*_mixing(width, here.channels, here), nn.Sigmoid())

    def forward(self, features: Tensor, before: Tensor | None) -> Tensor:
        if self.carry is not None:
            features = torch.cat([features, self.carry(before)], dim=1)
        mask: Tensor = self.mask(self.gather(features))
        return mask


def _mixing(inputs: int, outputs: int, form: FeatureSpec) -> list[nn.Module]:
    """Return layers that mix channels and leave positions alone."""
    layer = nn.Conv2d(inputs, outputs, 1) if form.is_map else nn.Linear(inputs, outputs)
    return [layer, *_normalisation(outputs, form)]


def _carry(before: FeatureSpec, here: FeatureSpec) -> nn.Sequential:
    """Return layers that bring features of one form to another."""
    layers: list[nn.Module] = []
    if before.is_map and here.is_map:
        layers += [nn.Conv2d(before.channels, here.channels, 3, padding=1)]
        layers += [*_normalisation(here.channels, before), nn.ReLU(), _resize(before, here)]
        return nn.Sequential(*layers)
    if before.is_map:
        layers += [_Mean()]
    layers += [nn.Linear(before.channels, here.channels), nn.ReLU()]
    if here.is_map:
        layers += [_Spread(here)]
    return nn.Sequential(*layers)


def _normalisation(channels: int, form: FeatureSpec) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if form.is_map and form.size > form.channels else []


def _resize(before: FeatureSpec, here: FeatureSpec) -> nn.Module:
    """Return a layer between two sizes of maps: a max pool where neither side grows."""
    old, new = before.shape[1:], here.shape[1:]
    if old == new:
        return nn.Identity()
    if any(small > large for small, large in zip(new, old, strict=True)):
        return nn.Upsample(size=new)
    stride = tuple(large // small for small, large in zip(new, old, strict=True))
    kernel = tuple(large - (small - 1) * step for small, large, step in zip(new, old, stride, strict=True))
    return nn.MaxPool2d(kernel, stride)


class _Mean(nn.Module):
    """Averages a map over its area: `[B, C, h, w]` to `[B, C]`."""

    def forward(self, features: Tensor) -> Tensor:
        return features.flatten(2).mean(2)


class _Spread(nn.Module):
    """Repeats a vector at every place of a map: `[B, C]` to `[B, C, h, w]`."""

    def __init__(self, form: FeatureSpec) -> None:
        super().__init__()
        self.size = form.shape[1:]

    def forward(self, features: Tensor) -> Tensor:
        return features[:, :, None, None].expand(-1, -1, *self.size)
