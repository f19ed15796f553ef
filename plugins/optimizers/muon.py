"""Muon (Jordan et al. 2024) for matrices, AdamW for all other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from ...core.contracts import Optimizer, ParameterGroup


class Muon(Optimizer):
    """Steps of matrices are their momentum made orthogonal, as large as AdamW's, so that one rate fits both.

    What is no matrix (biases, scales, kernels of convolutions) is updated by AdamW with its usual options.
    Source: Jordan et al., Muon: An Optimizer for Hidden Layers in Neural Networks (2024); Liu et al., Muon is
    Scalable for LLM Training (2025) for the size of the steps; `torch.optim.Muon`.
    """

    def __init__(
        self,
        *,
        smoothing: Annotated[float, Field(ge=0, lt=1, description="Decay of the matrices' momentum.")] = 0.95,
        nesterov: Annotated[bool, Field(description="Look ahead by the momentum.")] = True,
    ) -> None:
        self.smoothing, self.nesterov = smoothing, nesterov

    def build(self, groups: Sequence[ParameterGroup]) -> Sequence[torch.optim.Optimizer]:
        matrices = _those(groups, matrices=True)
        others = _those(groups, matrices=False)
        found: list[torch.optim.Optimizer] = []
        if matrices:
            found.append(
                torch.optim.Muon(
                    matrices,
                    momentum=self.smoothing,
                    nesterov=self.nesterov,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        if others:
            found.append(torch.optim.AdamW(others))
        return found


def _those(groups: Sequence[ParameterGroup], *, matrices: bool) -> list[ParameterGroup]:
    """Return the groups with those of their parameters that are matrices, or those that are not."""
    parts = [
        {**group, "params": [item for item in group["params"] if (item.dim() == 2) is matrices]}
        for group in groups
    ]
    return [part for part in parts if part["params"]]
