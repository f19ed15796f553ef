"""Several encoders for all tasks, weighed for every task by a gate that looks at the image."""

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


class MMoE(Sharing):
    """Multi-gate mixture of experts (Ma et al. 2018): every task sees its own mix of the same encoders.

    The experts are whole encoders `f_i`. The gate of task `k` weighs them by the image `x`:
    `g_k(x) = softmax(W_k x)` (equation 7), and the task sees `sum_i g_k(x)_i f_i(x)` (equation 6), the same
    weights at every stage. With one expert this is hard sharing.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        experts: Annotated[
            Annotated[int, Field(ge=1)] | None,
            Field(description="Encoders to mix; null: one per task, two at least."),
        ] = None,
    ) -> None:
        super().__init__(tasks, build_encoder)
        count = max(2, len(self.tasks)) if experts is None else experts
        self.experts = nn.ModuleList(build_encoder() for _ in range(count))
        self.reader = ImageReader(build_encoder.image)
        self.gates = nn.ModuleList(SoftmaxGate(self.reader.size, count) for _ in self.tasks)
        self.feature_specs = dict.fromkeys(self.tasks, encoders_of(self.experts)[0].feature_specs)
        self.fuses = fused(self.experts)

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str]
    ) -> dict[str, tuple[Tensor, ...]]:
        stages = by_stage(encode(self.experts, image, inputs))
        weights = self.gate_weights(image, tasks)
        return {task: tuple(mixture(weights[task], stage) for stage in stages) for task in tasks}

    def gate_weights(self, image: Tensor, tasks: Sequence[str]) -> dict[str, Tensor]:
        """Return the weights `[B, experts]` that the tasks give to the experts for images `[B, C, H, W]`."""
        seen = self.reader(image)
        gates = dict(zip(self.tasks, self.gates, strict=True))
        return {task: gates[task](seen) for task in tasks}

    def shared_parameters(self) -> list[nn.Parameter]:
        return parameters_of(self.experts) if len(self.tasks) > 1 else []

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        weights = torch.stack([found.mean(0) for found in self.gate_weights(image, self.tasks).values()])
        experts = numbered("expert", len(self.experts))
        meaning = "Mean weight that a task's gate gives to an expert; a row sums to 1."
        return (LearnedTable.of("Gates", meaning, self.tasks, experts, weights),)
