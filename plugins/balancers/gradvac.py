"""Turns gradients towards the similarity they usually have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from .gradient_balancer import GradientBalancer
from .gramian import Gramian, gramian_of

_VANISHED = 1e-12
"""Of the longest gradient's length: shorter ones are rounding."""

_PARALLEL = 1.0 - 1e-6
"""The largest cosine aimed at; what would turn one gradient onto another altogether is without bound."""


class GradientVaccine(GradientBalancer):
    """GradVac (Wang, Tsvetkov, Firat, Cao 2021, equations 2 and 3), with one cosine per pair of tasks.

    Where the cosine of a pair is below its moving average, one gradient gets as much of the other as brings
    it there; the others are gone through in random order. The sum is taken. The cosines of a task without a
    gradient stay, as do those of one whose gradient has vanished beside the others': float32 knows nothing of
    its direction.
    """

    target: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        beta: Annotated[
            float, Field(gt=0, le=1, description="Weight of the newest cosine in the moving average.")
        ] = 0.01,
    ) -> None:
        super().__init__(tasks)
        self.beta = beta
        self.register_buffer("target", torch.zeros(len(self.tasks), len(self.tasks), dtype=torch.float64))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        assert gradients is not None
        # The square of a short float32 number is 0, or has few digits.
        scale = gradients.detach().abs().amax(dim=1)
        scale = torch.where(scale > 0, scale, 1.0)
        gramian = gramian_of(gradients / scale[:, None])
        lengths = gramian.lengths * scale
        longest = torch.where(gramian.there, lengths, 0.0).amax()
        there = gramian.there & (lengths > _VANISHED * longest)
        found = self._turned(gramian, there)
        return torch.where(there, (there * lengths) @ found / lengths, 0.0).to(gradients)

    def _turned(self, gramian: Gramian, there: Tensor) -> Tensor:
        """Return the turned gradients in unit gradients of all tasks, `[T, T]`; the cosines aimed at move."""
        orders = _orders_of_others(len(there), there.device)
        units = torch.eye(len(there), dtype=torch.float64, device=there.device)
        found, target = units, self.target.clone()
        for other in orders.T[..., None]:
            products = found @ gramian.cosines
            length = (products * found).sum(dim=1).clamp(min=0.0).sqrt()
            tiny = torch.finfo(length.dtype).tiny
            cosine = products.gather(1, other)[:, 0] / length.clamp(min=tiny)
            aim = target.gather(1, other)[:, 0]
            both = there & there[other[:, 0]]
            added = length * (aim * _sine(cosine) / _sine(aim) - cosine)
            added = torch.where(both & (cosine < aim), added, 0.0)
            found = found.scatter_add(1, other, added[:, None])
            moved = torch.where(both, aim.lerp(cosine, self.beta).clamp(-_PARALLEL, _PARALLEL), aim)
            target = target.scatter(1, other, moved[:, None])
        self.target.copy_(target)
        return found


def _orders_of_others(count: int, device: torch.device) -> Tensor:
    """Return for every task the others in random order, `[T, T - 1]`."""
    places = torch.stack([torch.randperm(count - 1, device=device) for _ in range(count)])
    return places + (places >= torch.arange(count, device=device)[:, None])


def _sine(cosine: Tensor) -> Tensor:
    return (1.0 - cosine * cosine).clamp(min=0.0).sqrt()
