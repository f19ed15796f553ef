"""The loss of one task over a batch: the mean over the samples that have the label."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .batch import present
from .contracts import Loss
from .specs import Image, TargetSpec


@dataclass(frozen=True)
class Known:
    """The targets of a batch with absent ones replaced by zero.

    `present` is bool `[B]`, None where every target is there (images); `count` is how many, a scalar.
    """

    target: Tensor
    present: Tensor | None
    count: Tensor

    def split(self, batch_size: int) -> list[Known]:
        """Return the parts of `batch_size` samples, the last one shorter if it must be."""
        targets = self.target.split(batch_size)
        if self.present is None:
            return [Known(part, None, _count_of(part)) for part in targets]
        parts = zip(targets, self.present.split(batch_size), strict=True)
        return [Known(target, there, there.sum().to(torch.float32)) for target, there in parts]


def known(target: Tensor, spec: TargetSpec) -> Known:
    """Return a task's targets ready for its loss; nothing is read back from the device."""
    if isinstance(spec, Image):
        return Known(target, None, _count_of(target))
    there = present(target)
    # An absent label's value is replaced before the loss sees it: NaN times zero would still be NaN.
    mask = there.reshape(-1, *[1] * (target.dim() - 1))
    filled = torch.where(mask, target, torch.zeros_like(target))
    return Known(filled, there, there.sum().to(torch.float32))


def mean_loss(loss: Loss, raw: Tensor, answers: Known) -> Tensor:
    """Return the mean loss over present targets, a scalar; 0 when there is none."""
    per_sample = loss(raw, answers.target)
    if answers.present is None:
        mean: Tensor = per_sample.mean()
        return mean
    total = torch.where(answers.present, per_sample, 0.0).sum()
    return total / answers.count.clamp(min=1.0)


def masked_loss(loss: Loss, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss over present labels (0 when there is none) and their number, both scalars."""
    answers = known(target, loss.target)
    return mean_loss(loss, raw, answers), answers.count


def _count_of(target: Tensor) -> Tensor:
    return torch.full((), float(len(target)), device=target.device)
