"""Experts of every task's own and shared ones at every stage, mixed by gates stage after stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.contracts import Encoder, EncoderBuilder, LearnedTable, Sharing
from ...core.contracts.specs import FeatureSpec
from .experts import ImageReader, SoftmaxGate, encoders_of, fused, mixture, numbered, parameters_of


class PLE(Sharing):
    """Progressive layered extraction (Tang et al. 2020): CGC stage by stage, each mix feeding the next.

    Every stage `j` of the encoder is an extraction level. Task `k` continues with
    `g_k_j(x) = w_k_j(g_k_{j-1}(x)) S_k_j(x)` (equation 5): its own experts run on its features, the shared
    experts on the shared ones, and `w = softmax(W g)`. The shared features are a mix of all experts of all
    tasks, by a gate of their own; the last stage needs none. Gates read the image at the first stage and
    at later ones the features, maps averaged over their area. With one stage this is CGC.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        specific: Annotated[int, Field(ge=1, description="Experts of every task's own, per stage.")] = 1,
        shared: Annotated[int, Field(ge=1, description="Experts that all tasks share, per stage.")] = 1,
    ) -> None:
        super().__init__(tasks, build_encoder)
        self.specific = nn.ModuleList(
            nn.ModuleList(build_encoder() for _ in range(specific)) for _ in self.tasks
        )
        self.shared = nn.ModuleList(build_encoder() for _ in range(shared))
        specs: tuple[FeatureSpec, ...] = encoders_of(self.shared)[0].feature_specs
        self.stage_names = tuple(name for name, _ in encoders_of(self.shared)[0].stages.named_children())
        self.reader = ImageReader(build_encoder.image)
        sizes = (self.reader.size, *(spec.channels for spec in specs[:-1]))
        self.gates = nn.ModuleList(
            nn.ModuleList(SoftmaxGate(size, specific + shared) for _ in self.tasks) for size in sizes
        )
        everyone = specific * len(self.tasks) + shared
        self.shared_gates = nn.ModuleList(SoftmaxGate(size, everyone) for size in sizes[:-1])
        self.feature_specs = dict.fromkeys(self.tasks, specs)
        self.fuses = fused(self.shared)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        outputs, _ = self._extract(image, inputs, tasks)
        return outputs

    def shared_parameters(self) -> list[nn.Parameter]:
        if len(self.tasks) < 2:
            return []
        last = len(self.stage_names) - 1
        mixed = [
            stage for group in self._specific().values() for expert in group for stage in expert.stages[:last]
        ]
        # What a task's gate selects reaches the others through its experts at the next stage but the last.
        return parameters_of(self.shared, *mixed, self.shared_gates, *self.gates[: max(0, last - 1)])

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        _, weights = self._extract(image, inputs, self.tasks)
        specific = len(self._specific()[self.tasks[0]])
        columns = [name for task in self.tasks for name in numbered(task, specific)]
        columns += numbered("shared", len(self.shared))
        meaning = (
            "Mean weight that a task's gate, or that of the shared features, gives to an expert; a row sums "
            "to 1. A task never reads the others' own experts: 0."
        )
        tables = []
        for name, found in zip(self.stage_names, weights, strict=True):
            rows = [self._spread(position, found[task].mean(0)) for position, task in enumerate(self.tasks)]
            labels = list(self.tasks)
            if "" in found:
                rows.append(found[""].mean(0))
                labels.append("shared features")
            table = LearnedTable.of(f"Gates of stage {name}", meaning, labels, columns, torch.stack(rows))
            tables.append(table)
        return tuple(tables)

    def _extract(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> tuple[dict[str, tuple[Tensor, ...]], list[dict[str, Tensor]]]:
        """Return each task's stages, and by stage the gates' weights; the shared gate's name is empty."""
        last = len(self.stage_names) - 1
        features, common = dict.fromkeys(self.tasks, image), image
        outputs: dict[str, list[Tensor]] = {task: [] for task in tasks}
        weights: list[dict[str, Tensor]] = []
        for index in range(last + 1):
            running = self.tasks if index < last else tasks
            own = {
                task: _run(group, index, features[task], inputs)
                for task, group in self._specific().items()
                if task in running
            }
            shared = _run(encoders_of(self.shared), index, common, inputs)
            # The shared gate is the only one to read other tasks, and only their experts.
            going_on = self.tasks if index < last - 1 else tasks
            gates = dict(zip(self.tasks, cast("nn.ModuleList", self.gates[index]), strict=True))
            found = {task: gates[task](self._seen(index, features[task])) for task in going_on}
            if index < last:
                everyone = torch.stack([*(part for task in self.tasks for part in own[task]), *shared], dim=1)
                found[""] = self.shared_gates[index](self._seen(index, common))
                common = mixture(found[""], everyone)
            features = {
                task: mixture(found[task], torch.stack([*own[task], *shared], dim=1)) for task in going_on
            }
            weights.append(found)
            for task in tasks:
                outputs[task].append(encoders_of(self.shared)[0].tap(index, features[task]))
        return {task: tuple(stages) for task, stages in outputs.items()}, weights

    def _seen(self, index: int, features: Tensor) -> Tensor:
        """Return what a gate before stage `index` reads, `[B, size]`."""
        if index == 0:
            seen: Tensor = self.reader(features)
            return seen
        return features.flatten(2).mean(2) if features.dim() > 2 else features

    def _spread(self, position: int, weights: Tensor) -> Tensor:
        """Return a task's weights over its own and the shared experts as weights over everyone's."""
        specific = len(weights) - len(self.shared)
        row = weights.new_zeros(len(self.tasks), specific)
        row[position] = weights[:specific]
        return torch.cat([row.flatten(), weights[specific:]])

    def _specific(self) -> dict[str, list[Encoder]]:
        return dict(zip(self.tasks, map(encoders_of, self.specific), strict=True))


def _run(
    experts: Sequence[Encoder], index: int, features: Tensor, inputs: Mapping[str, Tensor]
) -> list[Tensor]:
    return [expert.forward_stage(index, features, inputs) for expert in experts]
