"""Encoders of every task's own beside shared ones, weighed for the task by a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.contracts import EncoderBuilder, LearnedTable, Sharing
from .experts import (
    ImageReader,
    SoftmaxGate,
    by_stage,
    encode,
    encoders_of,
    fused,
    mixture,
    numbered,
    parameters_of,
)


class CGC(Sharing):
    """Customized gate control (Tang et al. 2020): a task mixes encoders of its own with shared ones.

    `S_k(x)` are the features of task `k`'s own experts, then of the shared ones (equation 3). Its gate
    weighs them by the image, `w_k(x) = softmax(W_k x)` (equation 2), and the task sees
    `g_k(x) = w_k(x) S_k(x)` (equation 1), the same weights at every stage.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        specific: Annotated[int, Field(ge=1, description="Encoders of every task's own.")] = 1,
        shared: Annotated[int, Field(ge=1, description="Encoders that all tasks share.")] = 1,
    ) -> None:
        super().__init__(tasks, build_encoder)
        self.specific = nn.ModuleList(
            nn.ModuleList(build_encoder() for _ in range(specific)) for _ in self.tasks
        )
        self.shared = nn.ModuleList(build_encoder() for _ in range(shared))
        self.reader = ImageReader(build_encoder.image)
        self.gates = nn.ModuleList(SoftmaxGate(self.reader.size, specific + shared) for _ in self.tasks)
        self.feature_specs = dict.fromkeys(self.tasks, encoders_of(self.shared)[0].feature_specs)
        self.fuses = fused(self.shared)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        shared = encode(self.shared, image, inputs)
        weights = self.gate_weights(image, tasks)
        specific = dict(zip(self.tasks, self.specific, strict=True))
        return {
            task: tuple(
                mixture(weights[task], stage)
                for stage in by_stage([*encode(specific[task], image, inputs), *shared])
            )
            for task in tasks
        }

    def gate_weights(self, image: Tensor, tasks: Sequence[str]) -> dict[str, Tensor]:
        """Return each task's weights `[B, specific + shared]` for images `[B, C, H, W]`, its own first."""
        seen = self.reader(image)
        gates = dict(zip(self.tasks, self.gates, strict=True))
        return {task: gates[task](seen) for task in tasks}

    def shared_parameters(self) -> list[nn.Parameter]:
        return parameters_of(self.shared) if len(self.tasks) > 1 else []

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        weights = torch.stack([found.mean(0) for found in self.gate_weights(image, self.tasks).values()])
        shared = len(self.shared)
        experts = [*numbered("own", weights.shape[1] - shared), *numbered("shared", shared)]
        meaning = (
            "Mean weight that a task's gate gives to its own and to the shared experts; a row sums to 1."
        )
        return (LearnedTable.of("Gates", meaning, self.tasks, experts, weights),)
