"""Several encoders for all tasks, of which a smooth gate selects a few for every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import log2, sqrt
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from ...core.base.errors import Incompatible
from ...core.contracts import EncoderBuilder, LearnedTable, Sharing
from .experts import ImageReader, by_stage, encode, encoders_of, fused, mixture, numbered, parameters_of


class DSelectK(Sharing):
    """DSelect-k (Hazimeh et al. 2021): a mixture of encoders whose gates are trained to few of them.

    As in `mmoe` the experts are whole encoders and a gate per task looks at the image. It has `selected`
    single-expert selectors: selector `i` writes the number of an expert in binary, digit by digit through
    the smooth-step function, and so weighs all experts, `r(z_i)`; the gate is
    `q(a, z) = sum_i softmax(a)_i r(z_i)` with `a` and `z_i` linear in the image. Where all digits are
    settled (`|z| >= gamma / 2`) exactly one expert per selector has a weight. In training the entropy of
    the selectors, times `entropy`, is added to the loss, which settles them.

    All experts are computed, in the exported file too. Raises `Incompatible` when more experts are to be
    selected than there are.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        build_encoder: EncoderBuilder,
        *,
        experts: Annotated[
            Literal[2, 4, 8, 16], Field(description="Encoders to choose from, a power of two.")
        ] = 4,
        selected: Annotated[int, Field(ge=1, description="Encoders that a gate selects, at most.")] = 2,
        gamma: Annotated[float, Field(gt=0, description="Width of the smooth step: narrower settles sooner.")]
        = 1.0,
        entropy: Annotated[float, Field(ge=0, description="Weight of the selectors' entropy in the loss.")]
        = 1e-3,
    ) -> None:  # fmt: skip
        super().__init__(tasks, build_encoder)
        if selected > experts:
            raise Incompatible(f"cannot select {selected} of {experts} experts")
        self.entropy = entropy
        self.experts = nn.ModuleList(build_encoder() for _ in range(experts))
        self.reader = ImageReader(build_encoder.image)
        self.gates = nn.ModuleList(
            SelectionGate(self.reader.size, experts, selected, gamma) for _ in self.tasks
        )
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
        found = {}
        for task in tasks:
            shares, selections = gates[task](seen)
            weights = torch.einsum("bk,bke->be", shares, selections)
            if self.training and self.entropy > 0:
                entropy = selection_entropy(selections).sum(1).mean()
                penalty = self.entropy * self.batch_share * entropy
                weights = _Charged.apply(weights, penalty)
            found[task] = weights
        return found

    def shared_parameters(self) -> list[nn.Parameter]:
        return parameters_of(self.experts) if len(self.tasks) > 1 else []

    def learned(self, image: Tensor, inputs: Mapping[str, Tensor]) -> tuple[LearnedTable, ...]:
        weights = self.gate_weights(image, self.tasks)
        experts = numbered("expert", len(self.experts))
        means = torch.stack([found.mean(0) for found in weights.values()])
        used = torch.stack([(found > 0).to(found.dtype).mean(0) for found in weights.values()])
        return (
            LearnedTable.of(
                "Gates",
                "Mean weight that a task's gate gives to an expert; a row sums to 1.",
                self.tasks,
                experts,
                means,
            ),
            LearnedTable.of(
                "Images for which an expert is selected",
                "Share of the images for which the gate gives the expert any weight at all.",
                self.tasks,
                experts,
                used,
            ),
        )


class SelectionGate(nn.Module):
    """The gate of one task: vectors `[B, size]` to the selectors' shares `[B, k]` and choices `[B, k, E]`."""

    digits: Tensor

    def __init__(self, size: int, experts: int, selected: int, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.selected = selected
        count = int(log2(experts))
        self.shares = nn.Linear(size, selected, bias=False)
        self.choices = nn.Linear(size, selected * count, bias=False)
        # Small enough that no digit is settled at the start: there the smooth step has no gradient.
        bound = gamma / (4 * sqrt(size))
        nn.init.uniform_(self.choices.weight, -bound, bound)
        digits = [[expert >> place & 1 for place in range(count)] for expert in range(experts)]
        self.register_buffer("digits", torch.tensor(digits, dtype=torch.bool), persistent=False)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.choices(seen).unflatten(1, (self.selected, -1))
        ones = smooth_step(logits, self.gamma).unsqueeze(2)
        factors = torch.where(self.digits, ones, 1.0 - ones)
        # One by one: the gradient of `prod` reads back how many factors are 0, which no CUDA graph may hold.
        return self.shares(seen).softmax(dim=-1), reduce(torch.mul, factors.unbind(dim=-1))


def smooth_step(value: Tensor, gamma: float) -> Tensor:
    """Return the smooth step of every element: 0 up to `-gamma / 2`, 1 from `gamma / 2`, a cubic between.

    >>> smooth_step(torch.tensor([-0.5, -0.25, 0.0, 0.25, 0.5]), 1.0)
    tensor([0.0000, 0.1562, 0.5000, 0.8438, 1.0000])
    """
    inside = value.clamp(-gamma / 2, gamma / 2) / gamma
    return -2.0 * inside * inside * inside + 1.5 * inside + 0.5


def selection_entropy(selections: Tensor) -> Tensor:
    """Return the entropy in nats of distributions over the last dimension; a settled one has 0.

    >>> selection_entropy(torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
    tensor([0.6931, 0.5623])
    """
    # A clamp below the logarithm: at 0 it has no finite gradient.
    return -(selections * selections.clamp(min=1e-12).log()).sum(-1)


class _Charged(torch.autograd.Function):
    """Passes a value on, and adds a penalty to whatever loss is made of it: the penalty's gradient is 1."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, penalty: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        return gradient, gradient.new_ones(())
