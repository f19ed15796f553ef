"""Gradients of two to six tasks to balance: ordinary ones, and all that is degenerate about others."""

from __future__ import annotations

import torch
from torch import Tensor

ORDINARY = ["plain", "short", "long", "mixed", "same", "float32"]
"""What every equation has one solution for; of `same`, one solution that treats both alike."""

DEGENERATE = ["parallel", "opposite", "opposite-longer", "nearly-opposite", "absent", "few"]
COUNTS = [2, 3, 6]


def drawn(kind: str, tasks: int, seed: int) -> Tensor:
    """Return gradients `[T, P]`, float64 but for one kind."""
    source = torch.Generator().manual_seed(100 * tasks + seed)
    size = max(tasks - 1, 1) if kind == "few" else 12
    gradients = torch.randn(tasks, size, generator=source, dtype=torch.float64)
    gradients *= torch.rand(tasks, 1, generator=source, dtype=torch.float64) * 3 + 0.2
    match kind:
        case "same":
            gradients[1] = gradients[0]
        case "parallel":
            gradients[1] = 2 * gradients[0]
        case "opposite":
            gradients[1] = -gradients[0]
        case "opposite-longer":
            gradients[1] = -3 * gradients[0]
        case "nearly-opposite":
            gradients[1] = -gradients[0] + 0.03 * gradients[1]
        case "absent":
            gradients[0] = 0
        case "short":
            gradients *= 1e-8
        case "long":
            gradients *= 1e8
        case "mixed":
            gradients *= 10 ** (torch.rand(tasks, 1, generator=source, dtype=torch.float64) * 8 - 4)
        case "float32":
            return gradients.float()
    return gradients


def sets(kinds: list[str], counts: list[int] = COUNTS, seeds: int = 3) -> list[Tensor]:
    """Return some gradients of every kind and number of tasks."""
    return [drawn(kind, tasks, seed) for kind in kinds for tasks in counts for seed in range(seeds)]
